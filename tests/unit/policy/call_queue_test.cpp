#include "policy/call_queue.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using State = QueuedCall::State;
using Refusal = CallQueue::Refusal;

const SteadyTime kStart{1h};
constexpr auto kHigh = CallPriority::high;
constexpr auto kNormal = CallPriority::normal;
constexpr auto kLow = CallPriority::low;

class Queue : public ::testing::Test {
 protected:
  ~Queue() override {
    for (QueuedCall& call : calls_) queue_->leave(call, now_);
  }
  void make(CallQueue::Bounds bounds, std::uint32_t limit) {
    queue_.emplace(bounds);
    limit_ = limit;
  }
  // A call enters; its answer is in answer_.
  QueuedCall& enter(CallPriority priority = kNormal, std::uint64_t key = 0,
                    SteadyTime deadline = SteadyTime::max()) {
    QueuedCall& call = calls_.emplace_back();
    answer_ = queue_->enter(call, {priority, key, deadline}, limit_, now_);
    names_[&call] = name_of(priority) + std::to_string(key);
    return call;
  }
  // One slot is given back and all that may go in does: their names.
  std::string serve(QueuedCall& leaving) {
    queue_->leave(leaving, now_);
    std::string served;
    while (QueuedCall* const call = queue_->next(limit_, now_)) {
      if (call->state() == State::admitted) served += names_[call] + " ";
      last_ = call;
    }
    return served;
  }
  // Who goes in when one after another leaves.
  std::string order(QueuedCall& first, int count) {
    std::string all = serve(first);
    for (int i = 1; i < count; ++i) all += serve(*last_);
    return all;
  }
  static double count_of(const std::string& served, char priority) {
    return static_cast<double>(std::count(served.begin(), served.end(), priority));
  }
  static std::string name_of(CallPriority priority) {
    return std::string(1, "hnl"[static_cast<int>(priority)]);
  }

  std::deque<QueuedCall> calls_;
  std::map<const QueuedCall*, std::string> names_;
  std::optional<CallQueue> queue_{std::in_place, CallQueue::Bounds{100, 10s}};
  std::uint32_t limit_ = 1;
  SteadyTime now_ = kStart;
  CallQueue::Answer answer_;
  QueuedCall* last_ = nullptr;
};

TEST_F(Queue, AdmitsUpToTheLimitAndQueuesTheRest) {
  make({2, 10s}, 2);
  QueuedCall& first = enter();
  EXPECT_EQ(first.state(), State::admitted);
  EXPECT_EQ(enter().state(), State::admitted);
  EXPECT_EQ(enter().state(), State::queued);
  EXPECT_EQ(enter(kNormal, 1).state(), State::queued);
  EXPECT_EQ(enter(kNormal, 2).state(), State::outside);
  EXPECT_EQ(answer_.refusal, Refusal::full);
  EXPECT_GE(answer_.retry_after, 1s);
  EXPECT_EQ(queue_->in_use(), 2u);
  EXPECT_EQ(queue_->queued(), 2u);
  EXPECT_EQ(serve(first), "n0 ");
  EXPECT_EQ(queue_->in_use(), 2u);
}

TEST_F(Queue, NoQueueRefusesAtOnce) {
  for (const CallQueue::Bounds bounds : {CallQueue::Bounds{0, 10s}, CallQueue::Bounds{10, 0s}}) {
    calls_.clear();
    make(bounds, 1);
    QueuedCall& first = enter();
    EXPECT_EQ(enter().state(), State::outside);
    EXPECT_NE(answer_.refusal, Refusal::none);
    queue_->leave(first, now_);
  }
}

TEST_F(Queue, PrioritiesShareSixteenFourOne) {
  make({1'000, 10min}, 1);
  QueuedCall& first = enter();
  for (int i = 0; i < 100; ++i) {
    enter(kLow);
    enter(kNormal);
    enter(kHigh);
  }
  const std::string served = order(first, 42);
  EXPECT_EQ(std::count(served.begin(), served.end(), 'h'), 32);
  EXPECT_EQ(std::count(served.begin(), served.end(), 'n'), 8);
  EXPECT_EQ(std::count(served.begin(), served.end(), 'l'), 2);
  EXPECT_EQ(served.substr(0, 3), "h0 ");
}

TEST_F(Queue, APriorityThatWasIdleHasSavedNothing) {
  make({1'000, 10min}, 1);
  QueuedCall& first = enter();
  for (int i = 0; i < 50; ++i) enter(kLow);
  order(first, 40);
  for (int i = 0; i < 50; ++i) enter(kHigh);
  for (int i = 0; i < 50; ++i) enter(kNormal);
  const std::string served = order(*last_, 42);
  EXPECT_NEAR(count_of(served, 'h'), 32, 1);
  EXPECT_NEAR(count_of(served, 'n'), 8, 1);
  EXPECT_NEAR(count_of(served, 'l'), 2, 1);
}

TEST_F(Queue, KeysTakeTurnsHoweverMuchOneAsks) {
  QueuedCall& first = enter();
  for (int i = 0; i < 5; ++i) enter(kNormal, 1);
  enter(kNormal, 2);
  enter(kNormal, 3);
  enter(kNormal, 2);
  EXPECT_EQ(order(first, 8), "n1 n2 n3 n1 n2 n1 n1 n1 ");
}

TEST_F(Queue, AFullQueueMakesRoomForOtherKeysAndPriorities) {
  make({16, 10min}, 1);
  enter();
  std::vector<QueuedCall*> flood;
  for (int i = 0; i < 16; ++i) flood.push_back(&enter(kNormal, 1));
  EXPECT_EQ(enter(kNormal, 1).state(), State::outside);  // its own place is all there is
  EXPECT_EQ(enter(kNormal, 2).state(), State::queued);
  EXPECT_EQ(answer_.displaced, flood[15]);
  EXPECT_EQ(flood[15]->state(), State::displaced);
  EXPECT_EQ(enter(kHigh, 1).state(), State::queued);
  EXPECT_EQ(answer_.displaced, flood[14]);
  // Low keeps a sixteenth of the queue, normal a quarter.
  EXPECT_EQ(enter(kLow, 1).state(), State::queued);
  EXPECT_EQ(answer_.displaced, flood[13]);
  EXPECT_EQ(enter(kLow, 2).state(), State::outside);
  EXPECT_EQ(answer_.refusal, Refusal::full);
  int in = 0;
  for (int i = 0; i < 30; ++i) in += enter(kHigh, 7).state() == State::queued;
  EXPECT_EQ(in, 10);  // high: 11 of 16, normal: 4, low: 1
  EXPECT_EQ(queue_->queued(), 16u);
}

TEST_F(Queue, WhoWaitedTooLongIsLetGoAndTheNextOneServed) {
  QueuedCall& first = enter();
  QueuedCall& second = enter(kNormal, 1, kStart + 2s);
  QueuedCall& third = enter(kNormal, 2);
  EXPECT_EQ(second.until(), kStart + 2s);
  EXPECT_EQ(third.until(), kStart + 10s);
  now_ += 2s;
  EXPECT_EQ(serve(first), "n2 ");
  EXPECT_EQ(second.state(), State::expired);
  EXPECT_EQ(third.state(), State::admitted);
}

TEST_F(Queue, WhoLeavesWhileQueuedTakesNoSlot) {
  QueuedCall& first = enter();
  QueuedCall& second = enter(kNormal, 1);
  enter(kNormal, 1);
  queue_->leave(second, now_);
  EXPECT_EQ(second.state(), State::outside);
  EXPECT_EQ(queue_->queued(), 1u);
  EXPECT_EQ(serve(first), "n1 ");
  EXPECT_EQ(queue_->in_use(), 1u);
}

TEST_F(Queue, ALimitThatFellServesNobodyUntilItIsKept) {
  make({10, 10s}, 3);
  QueuedCall& first = enter();
  QueuedCall& second = enter();
  QueuedCall& third = enter();
  enter();
  limit_ = 1;
  EXPECT_EQ(serve(first), "");
  EXPECT_EQ(serve(second), "");
  EXPECT_EQ(serve(third), "n0 ");
}

// The queue learns how long slots are used, and refuses who can't make it.
TEST_F(Queue, WhoCantMakeItIsRefusedAtOnce) {
  struct Row {
    std::uint32_t limit;
    std::chrono::nanoseconds duration;
    int ahead;
    std::chrono::nanoseconds patience;
    bool refused;
  };
  const Row rows[] = {
      {1, 1s, 0, 10s, false},   {1, 1s, 8, 10s, false},  {1, 1s, 40, 10s, true},
      {1, 5s, 0, 10s, false},   {1, 5s, 10, 10s, true},  {1, 1s, 5, 300ms, true},
      {1, 60s, 0, 1s, true},    {1, 60s, 0, 60s, false}, {100, 1s, 90, 1s, false},
      {100, 1s, 150, 1s, true}, {100, 1s, 0, 0s, true},  {100, 1ms, 500, 10ms, false},
  };
  for (const Row& row : rows) {
    make({1'000, 10min}, row.limit);
    QueuedCall warm;
    queue_->enter(warm, {}, row.limit, now_);
    now_ += row.duration;
    queue_->leave(warm, now_);
    EXPECT_EQ(queue_->duration(), row.duration);
    std::deque<QueuedCall> calls;
    for (std::uint32_t i = 0; i < row.limit + static_cast<std::uint32_t>(row.ahead); ++i) {
      queue_->enter(calls.emplace_back(), {}, row.limit, now_);
    }
    ASSERT_EQ(queue_->queued(), static_cast<std::uint32_t>(row.ahead));
    const auto answer = queue_->enter(calls.emplace_back(), {kNormal, 0, now_ + row.patience},
                                      row.limit, now_);
    EXPECT_EQ(answer.refusal == Refusal::too_long, row.refused)
        << row.limit << " " << row.duration.count() << " " << row.ahead;
    if (row.refused) {
      EXPECT_GE(answer.retry_after, 1s);
      EXPECT_LE(answer.retry_after, 60s);
    }
    for (QueuedCall& call : calls) queue_->leave(call, now_);
  }
}

TEST_F(Queue, AHighCallIsntRefusedForLowOnesBeforeIt) {
  make({1'000, 10min}, 1);
  QueuedCall& warm = enter();
  now_ += 1s;
  queue_->leave(warm, now_);
  enter();
  for (int i = 0; i < 500; ++i) enter(kLow, static_cast<std::uint64_t>(i));
  EXPECT_EQ(enter(kLow, 9'999, now_ + 10s).state(), State::outside);
  EXPECT_EQ(enter(kHigh, 9'999, now_ + 10s).state(), State::queued);
  // Nor a key with one call for another with many.
  for (int i = 0; i < 200; ++i) enter(kNormal, 1);
  EXPECT_EQ(enter(kNormal, 1, now_ + 10s).state(), State::outside);
  EXPECT_EQ(enter(kNormal, 2, now_ + 10s).state(), State::queued);
}

// Over random schedules: slots never leak, the limit holds, everyone ends exactly once.
TEST(QueueProperty, SlotsNeverLeak) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    std::mt19937_64 random(seed);
    CallQueue queue({static_cast<std::uint32_t>(random() % 30),
                     std::chrono::milliseconds(random() % 3'000)});
    std::uint32_t limit = 1 + static_cast<std::uint32_t>(random() % 8);
    SteadyTime now = kStart;
    std::map<const QueuedCall*, std::unique_ptr<QueuedCall>> inside;  // queued or admitted
    std::uint64_t entered = 0, refused = 0, left = 0, dropped = 0;
    const auto drop = [&](QueuedCall* call) {
      ASSERT_EQ(inside.erase(call), 1u);
      ++dropped;
    };
    const auto serve = [&] {
      while (QueuedCall* const call = queue.next(limit, now)) {
        if (call->state() == State::expired) {
          ASSERT_LE(call->until(), now);
          drop(call);
        } else {
          ASSERT_EQ(call->state(), State::admitted);
          ASSERT_LE(queue.in_use(), limit);
        }
      }
    };
    for (int step = 0; step < 3'000; ++step) {
      now += std::chrono::milliseconds(random() % 20);
      switch (random() % 5) {
        case 0:
        case 1: {
          auto call = std::make_unique<QueuedCall>();
          const CallQueue::Ask ask{static_cast<CallPriority>(random() % 3), random() % 5,
                                   now + std::chrono::milliseconds(random() % 2'000)};
          ++entered;
          const CallQueue::Answer answer = queue.enter(*call, ask, limit, now);
          if (answer.displaced != nullptr) {
            ASSERT_EQ(answer.displaced->state(), State::displaced);
            drop(answer.displaced);
          }
          if (answer.refusal != Refusal::none) {
            ASSERT_EQ(call->state(), State::outside);
            ASSERT_GT(answer.retry_after, 0s);
            ++refused;
          } else {
            const QueuedCall* const key = call.get();
            inside.emplace(key, std::move(call));
          }
          break;
        }
        case 2:
        case 3:
          if (!inside.empty()) {
            const auto which = static_cast<std::ptrdiff_t>(random() % inside.size());
            const auto one = std::next(inside.begin(), which);
            queue.leave(*one->second, now);
            inside.erase(one);
            ++left;
          }
          break;
        default:
          if (random() % 10 == 0) limit = 1 + static_cast<std::uint32_t>(random() % 8);
      }
      serve();
      std::uint32_t admitted = 0;
      for (const auto& [key, call] : inside) admitted += call->state() == State::admitted;
      ASSERT_EQ(queue.in_use(), admitted);
      ASSERT_EQ(queue.queued(), inside.size() - admitted);
      ASSERT_EQ(entered, refused + left + dropped + inside.size());
      ASSERT_TRUE(queue.in_use() >= limit || queue.queued() == 0);
    }
    for (auto& [key, call] : inside) queue.leave(*call, now);
    ASSERT_EQ(queue.in_use(), 0u);
    ASSERT_EQ(queue.queued(), 0u);
  }
}

}  // namespace
}  // namespace farebox
