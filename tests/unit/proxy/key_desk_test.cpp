// The keys of a running program: made, revoked, rotated, shadowed, and what a failing disk
// does to that.
#include "proxy/key_desk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace farebox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using Why = KeyFailure::Why;
using Status = KeyRow::Status;

class ManualClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return {}; }
  WallTime wall_now() const override { return now; }
  WallTime now = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21));
};

// Documents in memory whose disk can be taken away.
class BreakingStore final : public DocumentStore {
 public:
  Result<void> put(std::string_view kind, std::string_view id, std::string_view json) override {
    if (broken) return Error(ErrorCode::io_failed, "the disk is full");
    ++puts;
    return inner_->put(kind, id, json);
  }
  Result<void> erase(std::string_view kind, std::string_view id) override {
    return inner_->erase(kind, id);
  }
  Result<std::optional<std::string>> get(std::string_view kind, std::string_view id) override {
    return inner_->get(kind, id);
  }
  Result<void> each(std::string_view kind, const Visit& visit) override {
    return inner_->each(kind, visit);
  }
  bool broken = false;
  int puts = 0;

 private:
  const std::unique_ptr<DocumentStore> inner_ = make_memory_document_store();
};

struct World {
  ManualClock clock;
  BreakingStore store;
  Logger log{2, Level::error, Logger::Format::json, clock};
  KeyDesk desk{store, log, clock};
  KeyView view{desk};

  World() { EXPECT_TRUE(desk.open()); }

  KeyState state(const Secret& key) {
    return view.now().ring.find(sha256(key.reveal()), clock.now).state;
  }
  NewKey make(const std::string& name) {
    auto made = desk.create(wanted(name));
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  static VirtualKey wanted(const std::string& name) {
    VirtualKey key;
    key.name = name;
    key.models = {"*"};
    key.tags = {{"team", "red"}};
    return key;
  }
  Status status_of(std::string_view name) {
    for (const KeyRow& row : desk.list()) {
      if (row.key.key.name == name) return row.status;
    }
    ADD_FAILURE() << name;
    return Status::active;
  }
};

KeySettings configured(const std::string& name, const Secret& key) {
  KeySettings settings;
  settings.name = name;
  settings.key_hash = digest_text(sha256(key.reveal()));
  settings.models = {"*"};
  return settings;
}

TEST(VirtualKeys, AreRandomAndOfOneShape) {
  std::vector<std::string> made;
  for (int i = 0; i < 200; ++i) {
    const auto key = make_virtual_key();
    ASSERT_TRUE(key);
    made.emplace_back(key->reveal());
    EXPECT_EQ(made.back().size(), 46u);
    EXPECT_TRUE(made.back().starts_with("fb-"));
    EXPECT_EQ(made.back().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                            "0123456789-_"), std::string::npos);
    EXPECT_EQ(shown_prefix(*key), made.back().substr(0, 7));
  }
  std::sort(made.begin(), made.end());
  EXPECT_EQ(std::unique(made.begin(), made.end()), made.end());
}

TEST(StoredKey, IsReadAsItWasWritten) {
  StoredKey stored;
  VirtualKey& key = stored.key;
  key.id = "key_1";
  key.name = "a \"quoted\" name";
  key.org = "o";
  key.project = "p";
  key.user = "u";
  key.tags = {{"team", "red"}};
  key.models = {"gpt-*"};
  key.providers = {"openai"};
  key.dialects = {"gemini"};
  const WallTime time = ManualClock().now;
  key.hashes = {{sha256("new"), std::nullopt}, {sha256("old"), time + hours(1)}};
  key.expires = time + hours(2);
  stored.prefix = "fb-abcd";
  stored.created = time;
  const std::string json = write_stored_key(stored);
  auto read = read_stored_key("key_1", json);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->key, key);
  EXPECT_EQ(read->prefix, stored.prefix);
  EXPECT_EQ(read->created, stored.created);
  stored.revoked = time;
  read = read_stored_key("key_1", write_stored_key(stored));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->key.revoked);
  for (const std::string& bad : {std::string(), std::string("{}"), std::string("[]"),
                                 json.substr(0, json.size() / 2), json.substr(1)}) {
    const auto refused = read_stored_key("key_1", bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::ledger_damaged);
  }
}

TEST(KeyDesk, AKeyWorksFromItsMakingToItsRevocation) {
  World world;
  const NewKey made = world.make("app");
  EXPECT_EQ(world.state(made.key), KeyState::active);
  EXPECT_EQ(made.row.key.key.tags.at("team"), "red");
  const auto revoked = world.desk.revoke(made.row.key.key.id);
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->status, Status::revoked);
  EXPECT_EQ(world.state(made.key), KeyState::revoked);
  EXPECT_TRUE(world.desk.revoke("app"));  // again is no mistake
  EXPECT_EQ(world.desk.revoke("nobody").error().why, Why::not_found);
}

TEST(KeyDesk, NamesAreUniqueAmongKeysThatWork) {
  World world;
  const NewKey made = world.make("app");
  EXPECT_EQ(world.desk.create(World::wanted("app")).error().why, Why::name_taken);
  ASSERT_TRUE(world.desk.revoke("app"));
  const NewKey again = world.make("app");
  EXPECT_EQ(world.state(again.key), KeyState::active);
  ASSERT_TRUE(world.desk.revoke("app"));  // the one that works
  EXPECT_EQ(world.state(again.key), KeyState::revoked);
}

TEST(KeyDesk, RotationLeavesTwoKeysThatWork) {
  World world;
  const NewKey first = world.make("app");
  const auto second = world.desk.rotate("app", hours(24));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->row.key.key.id, first.row.key.key.id);
  EXPECT_EQ(world.state(first.key), KeyState::active);
  EXPECT_EQ(world.state(second->key), KeyState::active);
  world.clock.now += hours(23);
  const auto third = world.desk.rotate("app", hours(24));
  ASSERT_TRUE(third);
  EXPECT_EQ(world.state(first.key), KeyState::unknown);
  EXPECT_EQ(world.state(second->key), KeyState::active);
  world.clock.now += hours(24);
  EXPECT_EQ(world.state(second->key), KeyState::rotated);
  EXPECT_EQ(world.state(third->key), KeyState::active);
  ASSERT_TRUE(world.desk.rotate("app", minutes(0)));
  EXPECT_EQ(world.state(third->key), KeyState::unknown);
  ASSERT_TRUE(world.desk.revoke("app"));
  EXPECT_EQ(world.desk.rotate("app", hours(1)).error().why, Why::not_active);
}

TEST(KeyDesk, KeysSurviveTheirDesk) {
  World world;
  const NewKey kept = world.make("kept"), gone = world.make("gone");
  ASSERT_TRUE(world.desk.revoke("gone"));
  world.view.now().last_used[0]->store(1'795'219'200);
  world.desk.save_last_used();
  KeyDesk next(world.store, world.log, world.clock);
  ASSERT_TRUE(next.open());
  const auto before = world.desk.list(), after = next.list();
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].key.key, before[i].key.key);
    EXPECT_EQ(after[i].last_used, before[i].last_used);
    EXPECT_EQ(after[i].status, before[i].status);
  }
  KeyView view(next);
  EXPECT_EQ(view.now().ring.find(sha256(kept.key.reveal()), world.clock.now).state, KeyState::active);
  EXPECT_EQ(view.now().ring.find(sha256(gone.key.reveal()), world.clock.now).state, KeyState::revoked);
}

TEST(KeyDesk, WhenKeysWereUsedIsWrittenOnlyWhenItChanged) {
  World world;
  world.make("app");
  const int before = world.store.puts;
  world.desk.save_last_used();
  EXPECT_EQ(world.store.puts, before);
  world.view.now().last_used[0]->store(1'795'219'200);
  world.store.broken = true;
  world.desk.save_last_used();
  world.store.broken = false;
  world.desk.save_last_used();
  world.desk.save_last_used();
  EXPECT_EQ(world.store.puts, before + 1);
}

TEST(KeyDesk, TheConfigurationWinsAndTheApiSaysSo) {
  World world;
  const NewKey made = world.make("app"), other = world.make("other");
  const Secret own("fb-own");
  world.desk.adopt({configured("app", own), configured("moved", other.key)});
  EXPECT_EQ(world.state(own), KeyState::active);
  EXPECT_EQ(world.state(made.key), KeyState::unknown);
  EXPECT_EQ(world.view.now().ring.keys().size(), 2u);  // the hash of `other` counts for `moved`
  EXPECT_EQ(world.status_of("other"), Status::shadowed);
  EXPECT_EQ(world.desk.create(World::wanted("moved")).error().why, Why::name_taken);
  EXPECT_EQ(world.desk.revoke("moved").error().why, Why::owned_by_config);
  EXPECT_EQ(world.desk.rotate("moved", hours(1)).error().why, Why::owned_by_config);
  world.desk.adopt({});
  EXPECT_EQ(world.state(own), KeyState::unknown);
  EXPECT_EQ(world.state(made.key), KeyState::active);
  EXPECT_EQ(world.status_of("other"), Status::active);
}

TEST(KeyDesk, AKeyTheDiskDoesNotTakeIsNotMade) {
  World world;
  const NewKey made = world.make("app");
  world.store.broken = true;
  EXPECT_EQ(world.desk.create(World::wanted("more")).error().why, Why::store_failed);
  EXPECT_EQ(world.desk.rotate("app", hours(1)).error().why, Why::store_failed);
  EXPECT_EQ(world.desk.list().size(), 1u);
  EXPECT_EQ(world.state(made.key), KeyState::active);
  // But one that was to be revoked doesn't work any more.
  const auto revoked = world.desk.revoke("app");
  ASSERT_FALSE(revoked);
  EXPECT_EQ(revoked.error().why, Why::store_failed);
  EXPECT_NE(revoked.error().message.find("the disk is full"), std::string::npos);
  EXPECT_EQ(world.state(made.key), KeyState::revoked);
  world.store.broken = false;
  EXPECT_TRUE(world.desk.revoke("app"));
  KeyDesk next(world.store, world.log, world.clock);
  ASSERT_TRUE(next.open());
  EXPECT_EQ(next.list().front().status, Status::revoked);
}

// Workers look while keys come and go: none ever takes a key that was revoked before it looked.
TEST(KeyDesk, NoWorkerTakesAKeyThatWasRevokedBefore) {
  World world;
  std::vector<Secret> keys;
  std::atomic<int> revoked{0};
  for (int i = 0; i < 40; ++i) keys.push_back(world.make("k" + std::to_string(i)).key);
  std::vector<std::thread> workers;
  std::atomic<int> wrong{0};
  for (int worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&] {
      KeyView view(world.desk);
      while (revoked.load() < 40) {
        const int before = revoked.load();
        for (int i = 0; i < before; ++i) {
          const KeySnapshot& now = view.now();
          const auto found = now.ring.find(sha256(keys[static_cast<std::size_t>(i)].reveal()), world.clock.now);
          wrong += found.state != KeyState::revoked;
          now.last_used[found.index]->store(i, std::memory_order_relaxed);
        }
      }
    });
  }
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(world.desk.revoke("k" + std::to_string(i)));
    revoked.store(i + 1);
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(wrong, 0);
}

TEST(KeyDesk, ADamagedDocumentIsToldAtTheStart) {
  World world;
  ASSERT_TRUE(world.store.put("key", "key_1", "{\"name\":7}"));
  KeyDesk next(world.store, world.log, world.clock);
  const auto opened = next.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::ledger_damaged);
}

}  // namespace
}  // namespace farebox
