// The answer cache against a plain map, over its limits, with many entries and many threads.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "policy/key_ring.hpp"
#include "tests/unit/storage/answer_support.hpp"

namespace farebox {
namespace {

namespace fs = std::filesystem;

struct Model {
  std::map<std::uint64_t, Answer> answers;

  // By the definition: again and again, until nothing more falls.
  std::uint64_t invalidate(const Invalidation& what, WallTime now) {
    std::set<std::string> terms(what.depends_on.begin(), what.depends_on.end());
    terms.insert(what.tags.begin(), what.tags.end());
    for (const AnswerKey& key : what.keys) terms.insert(key_text(key));
    const auto any = [](const std::vector<std::string>& some, const auto& of) {
      return std::any_of(some.begin(), some.end(), [&](const auto& each) { return of.contains(each); });
    };
    const std::set<std::string> tags(what.tags.begin(), what.tags.end());
    const std::set<AnswerKey> keys(what.keys.begin(), what.keys.end());
    std::uint64_t fell = 0;
    for (bool more = true; more;) {
      more = false;
      for (auto at = answers.begin(); at != answers.end();) {
        const auto& [number, answer] = *at;
        if (keys.contains(answer_key(number)) || any(answer.tags, tags) || any(answer.depends_on, terms) ||
            (!what.pattern.empty() && matches_glob(what.pattern, answer.name))) {
          if (now < answer.kept) {
            more = true;
            ++fell;
            terms.insert(key_text(answer_key(number)));
          }
          at = answers.erase(at);
        } else {
          ++at;
        }
      }
    }
    return fell;
  }
};

TEST(AnswerModel, TheCacheAgreesWithAMapWhateverHappens) {
  std::mt19937_64 random(21);
  for (int round = 0; round < 6; ++round) {
    CacheBench bench;
    Model model;
    const auto pick = [&](const char* front, std::uint64_t of) { return front + std::to_string(random() % of); };
    for (int step = 0; step < 700; ++step) {
      const std::uint64_t number = random() % 60;
      switch (random() % 20) {
        case 0: {
          Invalidation what;
          if (random() % 2 == 0) what.keys.push_back(answer_key(random() % 60));
          if (random() % 3 == 0) what.tags.push_back(pick("tag", 8));
          if (random() % 3 == 0) what.depends_on.push_back(pick("doc", 8));
          if (random() % 3 == 0) what.pattern = pick("p", 3) + "/*" + pick("", 4);
          ASSERT_EQ(bench.cache->invalidate(what), model.invalidate(what, bench.clock.wall_now()));
          break;
        }
        case 1:
          // What is still to be written must not be over before it is: the older one would be found.
          bench.settle();
          bench.clock.advance(std::chrono::seconds(random() % 60));
          break;
        case 2:
          if (random() % 4 == 0) bench.reopen();
          break;
        case 3: case 4: case 5: case 6: case 7: case 8: {
          Answer answer = plain_answer(bench.clock, pick("p", 3) + "/" + pick("m", 5),
                                       std::to_string(step) + wordy_body(random, random() % 3'000));
          answer.kept = bench.clock.wall_now() + std::chrono::seconds(1 + random() % 400);
          for (auto tags = random() % 3; tags != 0; --tags) answer.tags.push_back(pick("tag", 8));
          for (auto terms = random() % 3; terms != 0; --terms) {
            answer.depends_on.push_back(random() % 3 == 0   ? pick("doc", 8)
                                        : random() % 2 == 0 ? pick("tag", 8)
                                                            : key_text(answer_key(random() % 60)));
          }
          bench.store(number, answer);
          model.answers[number] = answer;
          break;
        }
        default: {
          const auto found = bench.get(number);
          const auto meant = model.answers.find(number);
          const bool there = meant != model.answers.end() && bench.clock.wall_now() < meant->second.kept;
          ASSERT_EQ(found != nullptr, there) << "round " << round << " step " << step;
          if (found) {
            EXPECT_TRUE(same_answer(*found, meant->second));
          }
        }
      }
    }
    EXPECT_EQ(bench.cache->stats().damaged + bench.cache->stats().dropped + bench.cache->stats().set_aside, 0u);
  }
}

std::uint64_t octets_in(const std::string& directory) {
  std::uint64_t octets = 0;
  std::error_code gone;
  for (const auto& file : fs::directory_iterator(directory)) octets += fs::file_size(file, gone) * (gone ? 0 : 1);
  return octets;
}

TEST(AnswerModel, TheDiskIsNeverOverItsLimit) {
  CacheBench bench(256 << 10, 8 << 20);
  std::mt19937_64 random(22);
  std::uint64_t most = 0, hot = 0;
  constexpr std::uint64_t kStored = 4'000;  // 32 MB
  for (std::uint64_t number = 1; number <= kStored; ++number) {
    Answer answer = plain_answer(bench.clock);
    answer.body = std::string(8'000, '\0');
    for (char& octet : answer.body) octet = static_cast<char>(random());  // doesn't compress
    bench.store(number, std::move(answer));
    if (number % 20 == 0) {
      bench.settle();
      most = std::max(most, octets_in(bench.options.directory));
      // One that is asked for now and then stays.
      hot += read_now(*bench.cache, answer_key(1), bench.clock) ? 1 : 0;
    }
  }
  EXPECT_LE(most, 8u << 20);
  EXPECT_GT(most, 4u << 20);
  EXPECT_EQ(hot, kStored / 20);
  std::uint64_t there = 0;
  for (std::uint64_t number = 1; number <= kStored; ++number) there += bench.get(number) ? 1 : 0;
  EXPECT_GT(there, 500u);
  EXPECT_TRUE(bench.get(kStored));
  EXPECT_FALSE(bench.get(2));
  EXPECT_GT(bench.cache->stats().disk.evicted, 2'000u);
}

TEST(AnswerModel, AHundredThousandAreKeptAndFound) {
  CacheBench bench(1 << 20, 256 << 20);
  constexpr std::uint64_t kMany = 100'000;
  for (std::uint64_t number = 0; number < kMany; ++number) {
    bench.store(number, plain_answer(bench.clock, number % 10 == 0 ? "a/b" : "a/c", std::to_string(number)));
    if (number % 5'000 == 0) bench.settle();
  }
  bench.settle();
  bench.reopen();
  bench.settle();
  EXPECT_EQ(bench.cache->stats().disk.entries, kMany);
  EXPECT_EQ(bench.cache->stats().dropped, 0u);
  for (std::uint64_t number = 0; number < kMany; number += 97) {
    const auto found = bench.get(number);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->body, std::to_string(number));
  }
  std::uint64_t maybe = 0;
  for (std::uint64_t number = kMany; number < 2 * kMany; ++number) {
    maybe += bench.cache->may_be_on_disk(answer_key(number)) ? 1 : 0;
  }
  EXPECT_LT(maybe, kMany / 20);
  EXPECT_EQ(bench.cache->invalidate({{}, "a/b*", {}, {}}), kMany / 10);
  EXPECT_EQ(bench.cache->invalidate({{}, "*", {}, {}}), kMany - kMany / 10);
  EXPECT_FALSE(bench.get(1));
}

TEST(AnswerModel, ExpiredAnswersLeaveTheDisk) {
  CacheBench bench(256 << 10, 8 << 20);
  for (std::uint64_t number = 0; number < 500; ++number) bench.store(number, plain_answer(bench.clock));
  bench.settle();
  EXPECT_EQ(bench.cache->stats().disk.entries, 500u);
  bench.clock.advance(std::chrono::hours(3));
  for (int i = 0; i < 500 && bench.cache->stats().disk.entries != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(bench.cache->stats().disk.entries, 0u);
  EXPECT_EQ(bench.cache->stats().disk.evicted, 0u);
}

// Who has begun after an invalidation ended never sees what was on its way before it began.
// It did once: a read that began behind the fence's first word and before the disk was swept put
// back into memory what had fallen.
TEST(AnswerModel, ThreadsNeverSeeWhatWasInvalidated) {
  CacheBench bench(200 << 10, 2 << 20);
  constexpr std::uint64_t kGroups = 4, kKeys = 200;
  std::array<std::atomic<std::uint64_t>, kGroups> started{}, ended{};
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> found = 0, wrong = 0, reads = 0, answered = 0;
  const auto group_of = [](std::uint64_t number) { return number % kGroups; };
  const auto look = [&](const SharedAnswer& answer, std::uint64_t least) {
    if (!answer) return;
    ++found;
    if (std::stoull(answer->body) < least) ++wrong;
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      while (!stop) {
        const std::uint64_t number = random() % kKeys;
        const std::uint64_t group = group_of(number);
        const std::uint64_t epoch = bench.cache->epoch();
        Answer answer = plain_answer(bench.clock, "n" + std::to_string(group),
                                     std::to_string(started[group]) + std::string(random() % 4'000, ' '));
        answer.tags = {"g" + std::to_string(group)};
        if (number >= kGroups && random() % 4 == 0) answer.depends_on = {key_text(answer_key(group))};
        // As many as an invalidation can wait for.
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        bench.cache->store(answer_key(number), shared(std::move(answer)), epoch);
      }
    });
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed + 10);
      while (!stop) {
        const std::uint64_t number = random() % kKeys;
        const AnswerKey key = answer_key(number);
        const std::uint64_t least = ended[group_of(number)];
        if (const auto answer = bench.cache->find(key, bench.clock.wall_now())) {
          look(answer, least);
          bench.cache->count_hit(key, *answer, CacheTier::memory);
        } else if (bench.cache->may_be_on_disk(key) && reads - answered < 100) {
          ++reads;
          bench.cache->read(key, bench.clock.wall_now(), [&, least](SharedAnswer read) {
            look(read, least);
            ++answered;
          });
        } else {
          bench.cache->count_miss();
        }
        std::this_thread::sleep_for(std::chrono::microseconds(500));
      }
    });
  }
  threads.emplace_back([&] {
    std::mt19937_64 random(20);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (std::chrono::steady_clock::now() < end) {
      const std::uint64_t group = random() % kGroups;
      const std::uint64_t number = ++started[group];
      if (random() % 2 == 0) {
        bench.cache->invalidate({{}, "", {"g" + std::to_string(group)}, {}});
      } else {
        bench.cache->invalidate({{}, "n" + std::to_string(group), {}, {}});
      }
      ended[group] = number;
      bench.cache->stats();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    stop = true;
  });
  for (std::thread& thread : threads) thread.join();
  bench.close();
  EXPECT_EQ(answered, reads);
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(found, 100u);
}

}  // namespace
}  // namespace farebox
