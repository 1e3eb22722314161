#include "storage/answer_cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/unit/storage/answer_support.hpp"

namespace farebox {
namespace {

namespace fs = std::filesystem;

TEST(AnswerCache, WhatIsStoredIsFoundAtOnceAndAfterAnotherStart) {
  CacheBench bench;
  Answer answer = plain_answer(bench.clock);
  answer.tags = {"docs", "team-a"};
  answer.depends_on = {"doc:7"};
  answer.stream = answer.chunked = true;
  bench.store(1, answer);
  const auto found = bench.cache->find(answer_key(1), bench.clock.wall_now());
  ASSERT_TRUE(found);
  EXPECT_TRUE(same_answer(*found, answer));
  EXPECT_FALSE(bench.cache->find(answer_key(2), bench.clock.wall_now()));

  bench.reopen();
  EXPECT_FALSE(bench.cache->find(answer_key(1), bench.clock.wall_now()));
  EXPECT_TRUE(bench.cache->may_be_on_disk(answer_key(1)));
  const auto read = read_now(*bench.cache, answer_key(1), bench.clock);
  ASSERT_TRUE(read);
  EXPECT_TRUE(same_answer(*read, answer));
  EXPECT_TRUE(bench.cache->find(answer_key(1), bench.clock.wall_now()));  // in memory now
  struct stat status {};
  ASSERT_EQ(::stat(bench.options.directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST(AnswerCache, NothingIsGivenThatIsNotKeptAnyMore) {
  CacheBench bench;
  bench.store(1, plain_answer(bench.clock));
  bench.settle();
  bench.clock.advance(std::chrono::hours(2) - std::chrono::seconds(1));
  EXPECT_TRUE(bench.get(1));  // stale, but kept
  bench.clock.advance(std::chrono::seconds(1));
  EXPECT_FALSE(bench.get(1));
  EXPECT_EQ(bench.cache->stats().memory.entries, 0u);
  EXPECT_FALSE(read_now(*bench.cache, answer_key(1), bench.clock));
  bench.reopen();
  EXPECT_FALSE(bench.get(1));
}

TEST(AnswerCache, ANewAnswerTakesThePlaceOfTheOld) {
  CacheBench bench;
  Answer old = plain_answer(bench.clock, "openai/chat/a", "old");
  old.tags = {"old"};
  Answer fresh = plain_answer(bench.clock, "openai/chat/b", "new");
  fresh.tags = {"new"};
  bench.store(1, old);
  bench.store(1, fresh);
  bench.settle();
  EXPECT_EQ(bench.cache->stats().disk.entries, 1u);
  EXPECT_EQ(bench.cache->invalidate({{}, "", {"old"}, {}}), 0u);
  EXPECT_EQ(bench.cache->invalidate({{}, "openai/chat/a", {}, {}}), 0u);
  bench.reopen();
  EXPECT_EQ(bench.get(1)->body, "new");
  EXPECT_EQ(bench.cache->invalidate({{}, "", {"new"}, {}}), 1u);
  EXPECT_FALSE(bench.get(1));
}

struct Named {
  const char* what;
  Invalidation invalidation;
  std::string falls;  // which of the numbers below
};

// 1 and 2 carry tags; 3 depends on key 1; 4 on 3; 5 on a document; 6 and 7 on each other; 8 on a
// tag; 9 stands alone.
void store_family(CacheBench& bench) {
  const auto put = [&](int number, const char* name, std::vector<std::string> tags,
                       std::vector<std::string> depends_on) {
    Answer answer = plain_answer(bench.clock, name);
    answer.tags = std::move(tags);
    answer.depends_on = std::move(depends_on);
    bench.store(static_cast<std::uint64_t>(number), std::move(answer));
  };
  put(1, "openai/chat/gpt-a", {"red"}, {});
  put(2, "openai/embed/small", {"red", "blue"}, {});
  put(3, "claude/messages/x", {}, {key_text(answer_key(1))});
  put(4, "claude/messages/y", {}, {"other", key_text(answer_key(3))});
  put(5, "claude/messages/z", {}, {"doc:1"});
  put(6, "g/a/b", {}, {key_text(answer_key(7))});
  put(7, "g/a/c", {}, {key_text(answer_key(6))});
  put(8, "t/a/b", {}, {"blue"});
  put(9, "lone", {}, {});
}

std::vector<Named> every_way() {
  std::vector<Named> rows;
  rows.push_back({"nothing", {}, ""});
  rows.push_back({"a key, and what depends on it, and on that", {{answer_key(1)}, "", {}, {}}, "134"});
  rows.push_back({"a key that isn't there", {{answer_key(77)}, "", {}, {}}, ""});
  rows.push_back({"a cycle", {{answer_key(6)}, "", {}, {}}, "67"});
  rows.push_back({"a tag", {{}, "", {"red"}, {}}, "1234"});
  rows.push_back({"a tag that others depend on", {{}, "", {"blue"}, {}}, "28"});
  rows.push_back({"the front of a tag", {{}, "", {"re"}, {}}, ""});
  rows.push_back({"what they depend on", {{}, "", {}, {"doc:1"}}, "5"});
  rows.push_back({"a key, as what they depend on", {{}, "", {}, {key_text(answer_key(3))}}, "4"});
  rows.push_back({"a tag, as what they depend on", {{}, "", {}, {"red"}}, ""});
  rows.push_back({"a name", {{}, "openai/chat/gpt-a", {}, {}}, "134"});
  rows.push_back({"a glob", {{}, "claude/*", {}, {}}, "345"});
  rows.push_back({"a glob with its star in front", {{}, "*/b", {}, {}}, "678"});
  rows.push_back({"several at once", {{answer_key(9)}, "g/*", {"blue"}, {"doc:1"}}, "256789"});
  rows.push_back({"all", {{}, "*", {}, {}}, "123456789"});
  rows.push_back({"all that have a name", {{}, "*e*", {}, {}}, "123459"});
  return rows;
}

enum class Where { both, memory, disk };

void check_every_way(Where where) {
  for (const Named& row : every_way()) {
    CacheBench bench;
    if (where == Where::memory) {
      bench.options.directory.clear();
      bench.reopen();
    }
    store_family(bench);
    if (where == Where::disk) bench.reopen();
    EXPECT_EQ(bench.cache->invalidate(row.invalidation), row.falls.size()) << row.what;
    for (int again = 0; again < 2; ++again) {
      for (int number = 1; number <= 9; ++number) {
        const bool fell = row.falls.find(std::to_string(number)) != std::string::npos;
        const bool there = bench.get(static_cast<std::uint64_t>(number)) != nullptr;
        EXPECT_EQ(there, !fell) << row.what << ": " << number;
      }
      if (where == Where::memory) break;
      bench.reopen();
      EXPECT_EQ(bench.cache->invalidate(row.invalidation), 0u) << row.what;
      bench.settle();
      EXPECT_EQ(bench.cache->stats().disk.entries, 9 - row.falls.size()) << row.what;
    }
  }
}

TEST(AnswerCache, InvalidationTakesWhatIsNamedAndWhatDependsOnIt) { check_every_way(Where::both); }
TEST(AnswerCache, InvalidationInMemoryAlone) { check_every_way(Where::memory); }
TEST(AnswerCache, InvalidationOnTheDiskAlone) { check_every_way(Where::disk); }

TEST(AnswerCache, WhatBeganBeforeAnInvalidationIsNotKept) {
  CacheBench bench;
  const auto before = bench.cache->epoch();
  Answer answer = plain_answer(bench.clock);
  answer.tags = {"t"};
  Answer other = plain_answer(bench.clock, "else");
  EXPECT_EQ(bench.cache->invalidate({{}, "", {"t"}, {}}), 0u);
  bench.cache->store(answer_key(1), shared(answer), before);
  bench.cache->store(answer_key(2), shared(other), before);
  EXPECT_FALSE(bench.get(1));
  EXPECT_TRUE(bench.get(2));
  bench.cache->store(answer_key(1), shared(answer), bench.cache->epoch());
  EXPECT_TRUE(bench.get(1));
  // So many later that nobody knows what they named.
  for (int i = 0; i < 1'100; ++i) bench.cache->invalidate({});
  bench.cache->store(answer_key(3), shared(other), before);
  EXPECT_FALSE(bench.get(3));
}

TEST(AnswerCache, WhatDependsOnWhatFellMeanwhileIsNotKept) {
  CacheBench bench;
  Answer first = plain_answer(bench.clock);
  first.tags = {"t"};
  bench.store(1, first);
  const auto before = bench.cache->epoch();
  EXPECT_EQ(bench.cache->invalidate({{}, "", {"t"}, {}}), 1u);
  Answer second = plain_answer(bench.clock);
  second.depends_on = {key_text(answer_key(1))};
  bench.cache->store(answer_key(2), shared(second), before);
  EXPECT_FALSE(bench.get(2));
}

TEST(AnswerCache, ALongChainFallsAsAWhole) {
  CacheBench bench;
  for (std::uint64_t number = 0; number < 500; ++number) {
    Answer answer = plain_answer(bench.clock);
    if (number != 0) answer.depends_on = {key_text(answer_key(number - 1))};
    bench.store(number, std::move(answer));
  }
  EXPECT_EQ(bench.cache->invalidate({{answer_key(0)}, "", {}, {}}), 500u);
}

TEST(AnswerCache, AWideFamilyFallsAsAWhole) {
  CacheBench bench;
  for (std::uint64_t number = 0; number < 4'000; ++number) {
    Answer answer = plain_answer(bench.clock, number < 2'000 ? "a" : "b");
    if (number >= 2'000) {
      answer.depends_on = {key_text(answer_key(number - 2'000)), key_text(answer_key((number + 1) % 2'000))};
    }
    bench.store(number, std::move(answer));
  }
  bench.reopen();
  EXPECT_EQ(bench.cache->invalidate({{}, "a", {}, {}}), 4'000u);
  bench.settle();
  EXPECT_EQ(bench.cache->stats().disk.entries, 0u);
}

TEST(AnswerCache, StatsSayWhereAnswersWere) {
  CacheBench bench;
  bench.store(1, plain_answer(bench.clock, "a"));
  Answer dear = plain_answer(bench.clock, "b");
  dear.saved = Money::dollars(1);
  bench.store(2, dear);
  for (int i = 0; i < 3; ++i) bench.cache->count_hit(answer_key(1), *bench.get(1), CacheTier::memory);
  bench.cache->count_hit(answer_key(2), dear, CacheTier::disk);
  bench.cache->count_miss();
  bench.settle();
  const auto stats = bench.cache->stats();
  EXPECT_TRUE(stats.disk_works);
  EXPECT_EQ(stats.memory.entries, 2u);
  EXPECT_GT(stats.memory.octets, 2 * sizeof(Answer));
  EXPECT_EQ(stats.memory.most_octets, 8u << 20);
  EXPECT_EQ(stats.memory.hits, 3u);
  EXPECT_EQ(stats.memory.misses, 2u);
  EXPECT_EQ(stats.disk.entries, 2u);
  EXPECT_EQ(stats.disk.most_octets, 64u << 20);
  EXPECT_EQ(stats.disk.hits, 1u);
  EXPECT_EQ(stats.disk.misses, 1u);
  EXPECT_EQ(stats.stored, 2u);
  EXPECT_EQ(stats.damaged + stats.dropped + stats.set_aside + stats.invalidated, 0u);
  ASSERT_EQ(stats.top_by_hits.size(), 2u);
  EXPECT_EQ(stats.top_by_hits[0].name, "a");
  EXPECT_EQ(stats.top_by_hits[0].hits, 3u);
  ASSERT_EQ(stats.top_by_saved.size(), 2u);
  EXPECT_EQ(stats.top_by_saved[0].key, answer_key(2));
  EXPECT_EQ(stats.top_by_saved[0].saved, Money::dollars(1));
}

TEST(AnswerCache, WithoutADiskThereIsMemoryAlone) {
  CacheBench bench;
  bench.options.directory.clear();
  bench.reopen();
  bench.store(1, plain_answer(bench.clock));
  EXPECT_TRUE(bench.get(1));
  EXPECT_FALSE(bench.cache->may_be_on_disk(answer_key(2)));
  EXPECT_FALSE(read_now(*bench.cache, answer_key(2), bench.clock));
  EXPECT_FALSE(bench.cache->stats().disk_works);
  EXPECT_EQ(bench.cache->stats().disk.most_octets, 0u);
}

TEST(AnswerCache, ADiskThatIsTurnedOffForgets) {
  CacheBench bench;
  bench.store(1, plain_answer(bench.clock));
  bench.settle();
  AnswerCacheOptions off = bench.options;
  off.disk = 0;
  bench.cache->adopt(off);
  EXPECT_FALSE(bench.cache->stats().disk_works);
  EXPECT_EQ(bench.cache->invalidate({{answer_key(1)}, "", {}, {}}), 1u);
  bench.cache->adopt(bench.options);
  EXPECT_TRUE(bench.cache->stats().disk_works);
  EXPECT_FALSE(bench.get(1));
  bench.store(2, plain_answer(bench.clock));
  bench.reopen();
  EXPECT_TRUE(bench.get(2));
  bench.close();
  bench.options.disk = 0;
  bench.open();  // what nobody invalidates can't stay
  bench.close();
  bench.options.disk = 64 << 20;
  bench.open();
  EXPECT_FALSE(bench.get(2));
}

TEST(AnswerCache, LimitsAreTakenOver) {
  CacheBench bench(32 << 20, 64 << 20);
  std::mt19937_64 random(1);
  for (std::uint64_t number = 0; number < 400; ++number) {
    bench.store(number, plain_answer(bench.clock, "n", wordy_body(random, 40'000)));
  }
  bench.settle();
  EXPECT_EQ(bench.cache->stats().memory.entries, 400u);
  AnswerCacheOptions less = bench.options;
  less.memory = 1 << 20;
  less.disk = 1 << 20;
  bench.cache->adopt(less);
  const auto stats = bench.cache->stats();
  EXPECT_LE(stats.memory.octets, 1u << 20);
  EXPECT_GT(stats.memory.entries, 10u);
  EXPECT_GT(stats.memory.evicted, 300u);
  EXPECT_LE(stats.disk.entries, 400u);
  EXPECT_EQ(stats.disk.most_octets, 1u << 20);
  bench.store(1'000, plain_answer(bench.clock));
  EXPECT_TRUE(bench.get(1'000));
}

TEST(AnswerCache, ALargeAnswerFitsIntoTheDefaultMemory) {
  CacheBench bench(64 << 20, 256 << 20);
  bench.store(1, plain_answer(bench.clock, "n", std::string(4 << 20, 'x')));
  EXPECT_TRUE(bench.cache->find(answer_key(1), bench.clock.wall_now()));
  bench.reopen();
  ASSERT_TRUE(bench.get(1));
  EXPECT_EQ(bench.get(1)->body.size(), 4u << 20);
}

}  // namespace
}  // namespace farebox
