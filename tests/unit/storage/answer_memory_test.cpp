#include "storage/answer_memory.hpp"

#include <map>

#include "storage/answer_fence.hpp"
#include "tests/unit/storage/answer_support.hpp"

namespace farebox {
namespace {

constexpr auto kReplace = AnswerMemory::Put::replace;
bool yes() { return true; }
bool no() { return false; }

TEST(AnswerMemory, NeverHoldsMoreThanItMay) {
  const SetClock clock;
  AnswerMemory memory(1 << 20);
  std::mt19937_64 random(6);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::size_t octets = random() % 50 == 0 ? random() % 300'000 : random() % 3'000;
    memory.store(answer_key(random() % 5'000), shared(plain_answer(clock, "n", std::string(octets, 'x'))),
                 kReplace, yes);
    ASSERT_LE(memory.octets(), memory.most());
  }
  EXPECT_GT(memory.octets(), memory.most() / 2);
  std::uint64_t entries = 0, octets = 0;
  memory.each([&](const AnswerKey&, const SharedAnswer& answer) {
    ++entries;
    octets += answer->size();
  });
  EXPECT_EQ(entries, memory.entries());
  EXPECT_LE(octets, memory.octets());
  memory.set_most(100'000);
  EXPECT_LE(memory.octets(), 100'000u);
}

TEST(AnswerMemory, GivesWhatAMapWouldUnlessItHadToGo) {
  SetClock clock;
  AnswerMemory memory(300'000);
  std::map<std::uint64_t, SharedAnswer> model;
  std::mt19937_64 random(7);
  for (int step = 0; step < 30'000; ++step) {
    const std::uint64_t number = random() % 500;
    const AnswerKey key = answer_key(number);
    switch (random() % 8) {
      case 0:
      case 1: {
        Answer answer = plain_answer(clock, "n", wordy_body(random, random() % 2'000));
        answer.kept = clock.wall_now() + std::chrono::seconds(random() % 100);
        const auto kept = shared(std::move(answer));
        EXPECT_TRUE(memory.store(key, kept, kReplace, yes));
        model[number] = kept;
        break;
      }
      case 2: EXPECT_FALSE(memory.store(key, shared(plain_answer(clock)), kReplace, no)); break;
      case 3:
        if (model.contains(number)) {
          memory.erase(key, model[number]);
          model.erase(number);
        }
        break;
      case 4: clock.advance(std::chrono::seconds(1)); break;
      default:
        const auto found = memory.find(key, clock.wall_now());
        if (!found) break;
        ASSERT_TRUE(model.contains(number));
        EXPECT_EQ(found, model[number]);
        EXPECT_LT(clock.wall_now(), found->kept);
    }
  }
  EXPECT_GT(memory.evicted(), 0u);
}

TEST(AnswerMemory, WhatIsTooLargeTakesNoPlaceAndLeavesNothingOld) {
  const SetClock clock;
  AnswerMemory memory(100'000);
  memory.store(answer_key(1), shared(plain_answer(clock)), kReplace, yes);
  memory.store(answer_key(2), shared(plain_answer(clock)), kReplace, yes);
  memory.store(answer_key(1), shared(plain_answer(clock, "n", std::string(30'000, 'x'))), kReplace, yes);
  EXPECT_FALSE(memory.find(answer_key(1), clock.wall_now()));
  EXPECT_TRUE(memory.find(answer_key(2), clock.wall_now()));
}

TEST(AnswerMemory, WhatWasReadDoesNotReplaceWhatCameSince) {
  const SetClock clock;
  AnswerMemory memory(100'000);
  const auto fresh = shared(plain_answer(clock, "n", "fresh"));
  memory.store(answer_key(1), fresh, kReplace, yes);
  EXPECT_TRUE(memory.store(answer_key(1), shared(plain_answer(clock, "n", "read")),
                           AnswerMemory::Put::if_absent, yes));
  EXPECT_EQ(memory.find(answer_key(1), clock.wall_now()), fresh);
}

TEST(AnswerMemory, CountsThoseThatDepend) {
  const SetClock clock;
  AnswerMemory memory(10'000);
  Answer answer = plain_answer(clock);
  answer.depends_on = {"doc"};
  const auto dependent = shared(answer);
  memory.store(answer_key(1), dependent, kReplace, yes);
  memory.store(answer_key(1), dependent, kReplace, yes);
  memory.store(answer_key(2), dependent, kReplace, no);
  EXPECT_EQ(memory.dependents(), 1u);
  for (std::uint64_t i = 10; i < 100; ++i) memory.store(answer_key(i), dependent, kReplace, yes);
  EXPECT_EQ(memory.dependents(), memory.entries());
  memory.set_most(0);
  EXPECT_EQ(memory.dependents(), 0u);
  EXPECT_EQ(memory.octets(), 0u);
}

TEST(AnswerFence, RemembersTheLatestAndDoubtsTheRest) {
  const SetClock clock;
  AnswerFence fence;
  const Answer answer = plain_answer(clock, "name");
  std::uint64_t epoch = 0;
  EXPECT_TRUE(fence.passes(answer_key(1), answer, epoch));
  fence.publish(AnswerMatch({{}, "other", {}, {}}));
  EXPECT_TRUE(fence.passes(answer_key(1), answer, epoch));
  EXPECT_EQ(epoch, 1u);
  fence.publish(AnswerMatch({{}, "na*", {}, {}}));
  EXPECT_FALSE(fence.passes(answer_key(1), answer, epoch));
  epoch = 2;
  for (std::size_t i = 0; i < AnswerFence::kMost; ++i) fence.publish(AnswerMatch({{}, "other", {}, {}}));
  EXPECT_TRUE(fence.passes(answer_key(1), answer, epoch));
  epoch = 1;
  EXPECT_FALSE(fence.passes(answer_key(1), answer, epoch));
  // One too large to be remembered.
  Invalidation large;
  large.tags.resize(AnswerFence::kMostTerms);
  for (std::size_t i = 0; i < large.tags.size(); ++i) large.tags[i] = std::to_string(i);
  epoch = fence.epoch();
  fence.publish(AnswerMatch(large));
  EXPECT_FALSE(fence.passes(answer_key(1), answer, epoch));
  epoch = fence.epoch();
  EXPECT_TRUE(fence.passes(answer_key(1), answer, epoch));
}

}  // namespace
}  // namespace farebox
