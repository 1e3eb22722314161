#include "storage/document_store.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "tests/support/faulty_file_system.hpp"
#include "tests/unit/storage/ledger_support.hpp"

namespace farebox {
namespace {

namespace fs = std::filesystem;
using testing::Failure;
using testing::Fault;
using testing::FaultyFileSystem;
using testing::Operation;

std::vector<std::string> listed(DocumentStore& store, std::string_view kind) {
  std::vector<std::string> found;
  const auto done = store.each(kind, [&](std::string_view id, std::string_view json) {
    found.push_back(std::string(id) + "=" + std::string(json));
    return true;
  });
  EXPECT_TRUE(done) << done.error().context;
  return found;
}

using Lines = std::vector<std::string>;

void follow_script(DocumentStore& store) {
  EXPECT_EQ(listed(store, "key"), Lines{});
  EXPECT_TRUE(store.erase("key", "nobody"));
  EXPECT_FALSE(store.get("key", "nobody")->has_value());
  EXPECT_TRUE(store.put("key", "b", R"({"n":1})"));
  EXPECT_TRUE(store.put("key", "a", "{}"));
  EXPECT_TRUE(store.put("keys", "c", "[]"));
  EXPECT_TRUE(store.put("budget", "a", "1"));
  EXPECT_TRUE(store.put("key", "b", R"({"n":2})"));
  EXPECT_EQ(listed(store, "key"), (Lines{"a={}", R"(b={"n":2})"}));
  EXPECT_EQ(listed(store, "budget"), Lines{"a=1"});
  EXPECT_EQ(**store.get("key", "b"), R"({"n":2})");
  EXPECT_TRUE(store.erase("key", "a"));
  EXPECT_FALSE(store.get("key", "a")->has_value());
  int seen = 0;
  EXPECT_TRUE(store.each("key", [&](std::string_view, std::string_view) { return ++seen, false; }));
  EXPECT_EQ(seen, 1);
}

TEST(DocumentStore, MemoryAndDiskAgree) {
  const TestDirectory directory;
  follow_script(*make_memory_document_store());
  follow_script(*make_document_store(directory.path()));
}

TEST(DocumentStore, DocumentsSurviveTheirStore) {
  const TestDirectory directory;
  ASSERT_TRUE(make_document_store(directory.path())->put("key", "a", "{}"));
  const auto store = make_document_store(directory.path());
  EXPECT_EQ(listed(*store, "key"), Lines{"a={}"});
  EXPECT_TRUE(store->erase("key", "a"));
  EXPECT_EQ(listed(*make_memory_document_store(), "key"), Lines{});
}

TEST(DocumentStore, NothingIsMadeBeforeTheFirstPut) {
  const TestDirectory directory;
  const auto store = make_document_store(directory.path());
  EXPECT_TRUE(listed(*store, "key").empty());
  EXPECT_TRUE(store->erase("key", "a"));
  EXPECT_TRUE(store->get("key", "a"));
  EXPECT_TRUE(fs::is_empty(directory.path()));
  EXPECT_TRUE(store->put("key", "a", "{}"));
  EXPECT_TRUE(fs::exists(directory.path() + "/documents/CURRENT"));
  EXPECT_FALSE(fs::exists(directory.path() + "/documents/LOG"));
}

TEST(DocumentStore, ManyThreadsMayUseIt) {
  const TestDirectory directory;
  const auto store = make_document_store(directory.path());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(store->put("key", std::to_string(thread * 100 + i), "{}"));
        EXPECT_TRUE(store->get("key", "0"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(listed(*store, "key").size(), 80u);
}

// A flipped octet is told of, whichever octet it is: never another document, never none.
TEST(DocumentStore, DamageIsToldAndNeverRead) {
  const TestDirectory directory;
  {
    const auto store = make_document_store(directory.path());
    ASSERT_TRUE(store->put("key", "first", R"({"name":"search-app"})"));
    ASSERT_TRUE(store->put("key", "second", R"({"name":"other-app"})"));
  }
  fs::path log;
  for (const auto& entry : fs::directory_iterator(directory.path() + "/documents")) {
    if (entry.path().extension() == ".log" && fs::file_size(entry) != 0) log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  std::ifstream in(log, std::ios::binary);
  std::string octets((std::istreambuf_iterator<char>(in)), {});
  const std::size_t at = octets.find("search-app");
  ASSERT_NE(at, std::string::npos);
  octets[at] ^= 1;
  std::ofstream(log, std::ios::binary) << octets;
  const auto store = make_document_store(directory.path());
  const auto got = store->get("key", "first");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::ledger_damaged);
  EXPECT_NE(got.error().context.find("documents"), std::string::npos);
}

// Whatever operation fails, what was told as written is there afterwards, what was not told
// is there or not, and the store works again by itself.
TEST(DocumentStore, EveryFailureOfTheDiskIsToldAndGotOver) {
  bool struck = true;
  int told = 0;  // not every failure hinders: room that can't be set aside does not
  for (std::uint64_t after = 1; struck && after < 200; ++after) {
    const TestDirectory directory;
    const auto disk = std::make_shared<FaultyFileSystem>(directory.path());
    bool first = false, second = false;
    {
      const auto store = make_document_store(directory.path(), disk);
      Fault fault;
      fault.after = after;
      disk->arm(fault);
      first = store->put("key", "a", "1").has_value();
      second = store->put("key", "b", "2").has_value();
      struck = disk->failed() != 0;
      told += first && second ? 0 : 1;
      disk->heal();
      EXPECT_TRUE(store->put("key", "c", "3")) << disk->last_failure();
      const auto lines = listed(*store, "key");
      EXPECT_EQ(lines.back(), "c=3");
    }
    disk->power_off();
    disk->apply_loss(after);
    const auto store = make_document_store(directory.path(), disk);
    const auto has = [&](std::string_view id) { return store->get("key", id)->has_value(); };
    EXPECT_TRUE(!first || has("a")) << disk->last_failure();
    EXPECT_TRUE(!second || has("b")) << disk->last_failure();
    EXPECT_TRUE(has("c")) << disk->last_failure();
  }
  EXPECT_FALSE(struck);
  EXPECT_GT(told, 5);
}

TEST(DocumentStore, AFullDiskIsAnErrorUntilThereIsRoom) {
  const TestDirectory directory;
  const auto disk = std::make_shared<FaultyFileSystem>(directory.path());
  const auto store = make_document_store(directory.path(), disk);
  ASSERT_TRUE(store->put("key", "a", "1"));
  Fault fault;
  fault.times = Fault::kUntilHealed;
  fault.failure = Failure::no_space;
  disk->arm(fault);
  const auto refused = store->put("key", "b", "2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::io_failed);
  EXPECT_FALSE(store->erase("key", "a"));
  disk->heal();
  EXPECT_TRUE(store->put("key", "b", "2"));
  EXPECT_EQ(listed(*store, "key"), (Lines{"a=1", "b=2"}));
}

TEST(DocumentStore, IsCopiedBesideItsWriter) {
  TestDirectory from, to, none;
  EXPECT_TRUE(copy_documents(from.path(), to.path()));
  EXPECT_FALSE(has_documents(to.path()));
  const auto store = make_document_store(from.path());
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(store->put("key", "k" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}"));
  }
  ASSERT_TRUE(store->erase("key", "k7"));
  ASSERT_TRUE(copy_documents(from.path(), to.path()));
  ASSERT_TRUE(store->put("budget", "later", "{}"));
  const auto copy = make_document_store(to.path());
  std::size_t seen = 0;
  ASSERT_TRUE(copy->each("key", [&](std::string_view, std::string_view) { return ++seen, true; }));
  EXPECT_EQ(seen, 499u);
  EXPECT_EQ(**copy->get("key", "k499"), "{\"n\":499}");
  EXPECT_FALSE(*copy->get("key", "k7"));
  EXPECT_FALSE(*copy->get("budget", "later"));
}

}  // namespace
}  // namespace farebox
