// What a kill, a flipped bit, a cut file and a failing disk may do to the answer cache: lose
// answers, never bring back what was invalidated, never give what wasn't stored.
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "storage/answer_files.hpp"
#include "tests/support/faulty_file_system.hpp"
#include "tests/unit/storage/answer_support.hpp"

namespace farebox {
namespace {

namespace fs = std::filesystem;
using testing::Failure;
using testing::Fault;
using testing::FaultyFileSystem;

std::vector<fs::path> files_of(const std::string& directory, std::string_view end) {
  std::vector<fs::path> files;
  for (const auto& each : fs::directory_iterator(directory)) {
    if (each.path().string().ends_with(end)) files.push_back(each.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::size_t asides(const CacheBench& bench) {
  std::size_t found = 0;
  for (const auto& each : fs::directory_iterator(bench.directory.path())) {
    if (each.path().string().find(".damaged-") != std::string::npos) ++found;
  }
  return found;
}

std::string body_of(std::uint64_t number) { return "body " + std::to_string(number); }

// Waits for what the cache's threads do by themselves.
template <class Condition>
bool soon(Condition&& condition) {
  for (int i = 0; i < 1'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

// A child stores answers under the numbers of its round, invalidates some, says so, and is killed.
// What it said is invalidated never comes back; what is found is what was stored.
TEST(AnswerDamage, NoKillBringsBackWhatWasInvalidated) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "TSan lets no child of a program with threads have threads";
#endif
  CacheBench bench(1 << 20, 4 << 20);
  bench.close();
  std::mt19937_64 random(9);
  std::set<std::uint64_t> invalidated;
  std::uint64_t stored = 0, kept = 0;
  for (std::uint64_t round = 0; round < 20; ++round) {
    int said[2];
    ASSERT_EQ(::pipe(said), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(said[0]);
      const SetClock clock;
      Logger log(2, Level::error, Logger::Format::json, clock);
      const auto cache = open_answer_cache(bench.options, log, clock);
      for (std::uint64_t i = 0;; ++i) {
        const std::uint64_t number = round * 100'000 + i;
        Answer answer = plain_answer(clock, "name", body_of(number));
        answer.tags = {"tag-" + std::to_string(number / 10)};
        if (i % 7 == 1) answer.depends_on = {key_text(answer_key(number - 1))};
        cache->store(answer_key(number), shared(std::move(answer)), cache->epoch());
        if (i % 50 != 49) continue;
        // Ten by their tag, and what depends on the last of them.
        const std::uint64_t tag = (number - 30) / 10;
        cache->invalidate({{}, "", {"tag-" + std::to_string(tag)}, {}});
        if (::write(said[1], &tag, sizeof tag) != sizeof tag) ::_exit(1);
      }
    }
    ::close(said[1]);
    // From the first it says on, at any moment.
    std::uint64_t tag = 0;
    const auto note = [&] {
      if (::read(said[0], &tag, sizeof tag) != sizeof tag) return false;
      for (std::uint64_t i = 0; i < 10; ++i) invalidated.insert(tag * 10 + i);
      stored = std::max(stored, tag * 10);
      return true;
    };
    EXPECT_TRUE(note());
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 100'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (note()) {
    }
    ::close(said[0]);
    bench.open();
    EXPECT_TRUE(bench.cache->stats().disk_works);
    for (std::uint64_t number = round * 100'000; number <= stored; ++number) {
      const auto found = bench.get(number);
      if (!found) continue;
      ++kept;
      ASSERT_FALSE(invalidated.contains(number)) << number;
      EXPECT_EQ(found->body, body_of(number));
    }
    EXPECT_EQ(bench.cache->stats().damaged + bench.cache->stats().set_aside, 0u);
    bench.close();
  }
  EXPECT_GT(kept, 500u);
  EXPECT_GT(invalidated.size(), 100u);
}

TEST(AnswerDamage, AFlippedBitIsAMissAtMost) {
  std::mt19937_64 random(10);
  std::uint64_t damaged = 0, set_aside = 0, found_again = 0;
  for (int round = 0; round < 8; ++round) {
    CacheBench bench(1 << 20, 1 << 20);
    for (std::uint64_t number = 0; number < 150; ++number) {
      bench.store(number, plain_answer(bench.clock, "n", body_of(number) + wordy_body(random, 900)));
    }
    bench.settle();
    bench.close();
    // The table, or what says which tables there are.
    const auto files = files_of(bench.options.directory, round % 4 == 3 ? "" : ".sst");
    if (files.empty()) continue;
    const fs::path file = files[random() % files.size()];
    std::fstream octets(file, std::ios::in | std::ios::out | std::ios::binary);
    for (int flips = 0; flips < 3 && fs::file_size(file) > 0; ++flips) {
      const auto at = static_cast<std::streamoff>(random() % fs::file_size(file));
      octets.seekg(at);
      const auto flipped = static_cast<char>(octets.get() ^ (1 << random() % 8));
      octets.seekp(at);
      octets.put(flipped);
    }
    octets.close();
    bench.open();
    for (std::uint64_t number = 0; number < 150; ++number) {
      const auto found = bench.get(number);
      if (found) {
        ++found_again;
        EXPECT_TRUE(found->body.starts_with(body_of(number)));
      }
    }
    ASSERT_TRUE(soon([&] {
      const auto stats = bench.cache->stats();
      return stats.disk_works;
    }));
    damaged += bench.cache->stats().damaged;
    set_aside += bench.cache->stats().set_aside;
    // It goes on.
    bench.store(1'000, plain_answer(bench.clock));
    bench.settle();
    bench.reopen();
    EXPECT_TRUE(bench.get(1'000));
  }
  EXPECT_GT(damaged + set_aside, 0u);
  EXPECT_GT(found_again, 0u);
}

TEST(AnswerDamage, ADatabaseThatCannotBeOpenedIsSetAsideAndTwoAreKept) {
  CacheBench bench;
  for (int round = 1; round <= 4; ++round) {
    bench.store(1, plain_answer(bench.clock));
    bench.settle();
    bench.close();
    const auto manifests = files_of(bench.options.directory, "");
    for (const fs::path& file : manifests) {
      if (file.filename().string().starts_with("MANIFEST")) fs::resize_file(file, fs::file_size(file) / 2 + 1);
      if (round % 2 == 0 && file.filename() == "CURRENT") std::ofstream(file) << "nonsense";
    }
    bench.open();
    EXPECT_TRUE(bench.cache->stats().disk_works) << round;
    EXPECT_EQ(bench.cache->stats().set_aside, 1u) << round;
    EXPECT_FALSE(bench.get(1));
    EXPECT_EQ(asides(bench), std::min<std::size_t>(2, static_cast<std::size_t>(round)));
  }
  EXPECT_TRUE(fs::exists(bench.options.directory + ".damaged-4"));
  EXPECT_FALSE(fs::exists(bench.options.directory + ".damaged-2"));
}

TEST(AnswerDamage, CutAndMissingFilesAreSurvived) {
  for (int round = 0; round < 6; ++round) {
    CacheBench bench(1 << 20, 1 << 20);
    std::mt19937_64 random(static_cast<std::uint64_t>(round));
    for (std::uint64_t number = 0; number < 150; ++number) {
      bench.store(number, plain_answer(bench.clock, "n", body_of(number) + wordy_body(random, 900)));
    }
    bench.settle();
    bench.close();
    const auto files = files_of(bench.options.directory, round < 4 ? ".sst" : ".log");
    ASSERT_FALSE(files.empty());
    if (round % 2 == 0) {
      fs::resize_file(files.front(), fs::file_size(files.front()) / 2);
    } else {
      fs::remove(files.front());
    }
    bench.open();
    for (std::uint64_t number = 0; number < 150; ++number) {
      if (const auto found = bench.get(number)) {
        EXPECT_TRUE(found->body.starts_with(body_of(number)));
      }
    }
    ASSERT_TRUE(soon([&] { return bench.cache->stats().disk_works; })) << round;
    bench.store(1'000, plain_answer(bench.clock));
    bench.settle();
    bench.reopen();
    EXPECT_TRUE(bench.get(1'000)) << round;
  }
}

TEST(AnswerDamage, AFullDiskTurnsTheTierOffUntilThereIsRoom) {
  CacheBench bench;
  bench.store(1, plain_answer(bench.clock));
  bench.settle();
  bench.close();
  const auto files = std::make_shared<FaultyFileSystem>(bench.options.directory);
  bench.open(files);
  ASSERT_TRUE(bench.cache->stats().disk_works);
  files->arm({1, Fault::kUntilHealed, Failure::no_space, std::nullopt});
  bench.store(2, plain_answer(bench.clock));
  ASSERT_TRUE(soon([&] { return !bench.cache->stats().disk_works; }));
  EXPECT_TRUE(bench.get(2));  // in memory
  bench.store(3, plain_answer(bench.clock));
  EXPECT_TRUE(bench.get(3));
  EXPECT_FALSE(bench.cache->may_be_on_disk(answer_key(1)));
  files->heal();
  bench.clock.advance(std::chrono::seconds(31));
  ASSERT_TRUE(soon([&] { return bench.cache->stats().disk_works; }));
  EXPECT_TRUE(bench.get(1));  // still there
  EXPECT_EQ(bench.cache->stats().set_aside, 0u);
  bench.store(4, plain_answer(bench.clock));
  bench.settle();
  bench.reopen();
  EXPECT_TRUE(bench.get(4));
}

// Whatever is invalidated while the disk doesn't take it: never again from the disk.
TEST(AnswerDamage, AnInvalidationThatCannotBeWrittenTakesTheDatabaseWithIt) {
  for (const bool off_before : {false, true}) {
    CacheBench bench;
    bench.store(1, plain_answer(bench.clock));
    bench.store(2, plain_answer(bench.clock));
    bench.settle();
    bench.close();
    const auto files = std::make_shared<FaultyFileSystem>(bench.options.directory);
    bench.open(files);
    files->arm({1, Fault::kUntilHealed, Failure::no_space, std::nullopt});
    if (off_before) {
      bench.store(3, plain_answer(bench.clock));
      ASSERT_TRUE(soon([&] { return !bench.cache->stats().disk_works; }));
    }
    bench.cache->invalidate({{answer_key(1)}, "", {}, {}});
    EXPECT_FALSE(bench.get(1));
    bench.close();
    bench.open();
    EXPECT_TRUE(bench.cache->stats().disk_works);
    EXPECT_FALSE(bench.get(1));
  }
}

TEST(AnswerDamage, ADatabaseOfALaterVersionIsLeftAlone) {
  CacheBench bench;
  bench.close();
  {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* made = nullptr;
    fs::remove_all(bench.options.directory);
    ASSERT_TRUE(rocksdb::DB::Open(options, bench.options.directory, &made).ok());
    const std::unique_ptr<rocksdb::DB> db(made);
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "format", "2").ok());
  }
  bench.open();
  EXPECT_TRUE(bench.cache->stats().disk_works);
  EXPECT_EQ(bench.cache->stats().set_aside, 1u);
  EXPECT_TRUE(fs::exists(bench.options.directory + ".damaged-1/CURRENT"));
}

}  // namespace
}  // namespace farebox
