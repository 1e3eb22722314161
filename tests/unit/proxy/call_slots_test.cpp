#include "proxy/call_slots.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using State = CallSlot::State;
using Refusal = CallQueue::Refusal;

ConcurrencySettings settings_of(std::uint32_t max, std::uint32_t queue) {
  ConcurrencySettings settings;
  settings.max = max;
  settings.queue = queue;
  return settings;
}

class CallSlotsTest : public ::testing::Test {
 protected:
  CallSlots::Answer enter(CallSlots& slots, CallSlot& slot, const CallQueue::Ask& ask = {}) {
    const CallSlots::Waiter waiter{context_.get_executor(), wake_, clock_};
    return slots.enter(slot, ask, waiter);
  }
  // True: the event was set by what the other threads posted.
  bool woken() {
    context_.restart();
    context_.poll();
    return wake_.take();
  }

  SystemClock clock_;
  asio::io_context context_{1};
  Event wake_;
};

TEST_F(CallSlotsTest, ALimitNobodySaidIs256OrAsManyAsConnections) {
  EXPECT_EQ(CallSlots({}, 64).sight().limit, 256u);
  EXPECT_EQ(CallSlots({}, 1'000).sight().limit, 1'000u);
  EXPECT_EQ(CallSlots(settings_of(5, 1), 1'000).sight().limit, 5u);
}

TEST_F(CallSlotsTest, ASlotThatIsDroppedLetsTheNextOneInAndWakesIt) {
  CallSlots slots(settings_of(1, 10), 1);
  CallSlot second;
  {
    CallSlot first;
    enter(slots, first);
    EXPECT_EQ(first.state(), State::admitted);
    EXPECT_TRUE(slots.full());
    enter(slots, second);
    EXPECT_EQ(second.state(), State::queued);
    EXPECT_EQ(slots.sight().queued, 1u);
    EXPECT_FALSE(woken());
  }
  EXPECT_EQ(second.state(), State::admitted);
  EXPECT_TRUE(woken());
  second.leave();
  EXPECT_EQ(second.state(), State::outside);
  EXPECT_EQ(slots.in_use(), 0u);
  EXPECT_FALSE(slots.full());
}

TEST_F(CallSlotsTest, WhoeverLeavesWhileQueuedIsNotWokenAnyMore) {
  CallSlots slots(settings_of(1, 10), 1);
  CallSlot first;
  enter(slots, first);
  {
    CallSlot second;
    enter(slots, second);
    first.leave();
    EXPECT_EQ(second.state(), State::admitted);  // posted, and then it goes
  }
  EXPECT_FALSE(woken());
  EXPECT_EQ(slots.in_use(), 0u);
  EXPECT_EQ(slots.sight().queued, 0u);
}

TEST_F(CallSlotsTest, ADisplacedOneIsToldSo) {
  CallSlots slots(settings_of(1, 1), 1);
  CallSlot first, low, high;
  enter(slots, first);
  enter(slots, low, {CallPriority::low, 1});
  EXPECT_EQ(enter(slots, high, {CallPriority::high, 2}).refusal, Refusal::none);
  EXPECT_EQ(low.state(), State::displaced);
  EXPECT_TRUE(woken());
  CallSlot another;
  const CallSlots::Answer answer = enter(slots, another, {CallPriority::high, 2});
  EXPECT_EQ(answer.refusal, Refusal::full);
  EXPECT_GE(answer.retry_after, 1s);
  EXPECT_EQ(another.state(), State::outside);
}

TEST_F(CallSlotsTest, ASlotEntersAgainAsANewOne) {
  CallSlots slots(settings_of(2, 10), 1);
  CallSlot slot;
  for (int i = 0; i < 5; ++i) {
    enter(slots, slot);
    EXPECT_EQ(slots.in_use(), 1u);
  }
}

// A caller's life as a stage has it: enter, wait for the event, use the slot, drop it; some
// lose patience. Four threads, each with its own loop.
awaitable<void> call(CallSlots& slots, const Clock& clock, std::uint64_t seed,
                     std::atomic<std::uint32_t>& inside, std::atomic<std::uint32_t>& most,
                     std::atomic<std::uint64_t>& served, std::atomic<std::uint64_t>& gone) {
  std::mt19937_64 random(seed);
  const Executor executor = co_await asio::this_coro::executor;
  for (int i = 0; i < 400; ++i) {
    Event wake;
    CallSlot slot;
    CallQueue::Ask ask;
    ask.priority = static_cast<CallPriority>(random() % 3);
    ask.key = random() % 7;
    const CallSlots::Waiter waiter{executor, wake, clock};
    slots.enter(slot, ask, waiter);
    const bool impatient = random() % 8 == 0;
    while (!impatient && slot.state() == State::queued) {
      if (!wake.take()) co_await wake.wait();
    }
    if (slot.state() != State::admitted) {
      gone.fetch_add(1);
      continue;
    }
    const std::uint32_t now = inside.fetch_add(1) + 1;
    std::uint32_t seen = most.load();
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, Executor>
        timer(executor, std::chrono::microseconds(random() % 50));
    co_await timer.async_wait(use_awaitable);
    inside.fetch_sub(1);
    served.fetch_add(1);
  }
}

TEST(CallSlotsThreads, HoldTheLimitAndLeakNothing) {
  SystemClock clock;
  ConcurrencySettings settings = settings_of(6, 64);
  settings.max_wait = Milliseconds(600'000);
  CallSlots slots(settings, 1);
  std::atomic<std::uint32_t> inside{0}, most{0};
  std::atomic<std::uint64_t> served{0}, gone{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      asio::io_context context{1};
      for (std::uint64_t c = 0; c < 8; ++c) {
        asio::co_spawn(context, call(slots, clock, t * 100 + c, inside, most, served, gone),
                       asio::detached);
      }
      context.run();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served + gone, 4u * 8u * 400u);
  EXPECT_GT(served, 1'000u);
  EXPECT_LE(most, 6u);
  EXPECT_EQ(slots.in_use(), 0u);
  EXPECT_EQ(slots.sight().queued, 0u);
}

}  // namespace
}  // namespace farebox
