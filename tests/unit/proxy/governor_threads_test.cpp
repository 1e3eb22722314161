// Ten threads at one governor, while budgets come and go: money is never promised twice, and
// every cost is counted once. Short as it is; FAREBOX_ROUNDS (calls of each thread) makes it
// long. Meant for ThreadSanitizer too.
#include "proxy/governor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "tests/unit/proxy/governor_support.hpp"

namespace farebox {
namespace {

using Verdict = BudgetAnswer::Verdict;

constexpr std::size_t kThreads = 10;
constexpr std::size_t kProjects = 5;
constexpr std::uint64_t kSlots = 6;
constexpr auto kEveryCall = std::chrono::milliseconds(600'000);

std::size_t rounds() {
  const char* const said = std::getenv("FAREBOX_ROUNDS");
  return said == nullptr ? 1'000 : std::strtoul(said, nullptr, 10);
}

Money cents(std::uint64_t amount) {
  return Money::picodollars(Int128(amount) * Money::kPicodollarsPerDollar / 100);
}

// Both are used up before the threads are done.
Money wide_limit() { return cents(rounds() * 30); }
Money each_limit() { return cents(rounds() * 8); }

using Sums = std::map<std::string, Money>;  // by project; "" is all

struct World {
  const SystemClock clock;
  MemoryLedger ledger{kThreads * rounds() + 1};
  Governor governor{11, 10'000, clock};
  std::atomic<std::size_t> running{kThreads};

  // What is always in force, and perhaps one that comes and goes.
  Result<void> adopt(const BudgetOrder* guest, std::chrono::milliseconds longest_call = kEveryCall) {
    std::vector<BudgetOrder> orders{order("wide", {}, wide_limit(), BudgetPeriod::total),
                                    order("each", {{"project", "*"}}, each_limit(), BudgetPeriod::total)};
    if (guest != nullptr) orders.push_back(*guest);
    RateLimitSettings limit;
    limit.name = "slots";
    limit.max_parallel_requests = kSlots;
    limit.rates = {{RateKind::tokens, 1'000'000'000'000, std::chrono::seconds(1)}};
    return governor.adopt(orders, {limit}, ledger, longest_call);
  }
};

void tell(Ledger& ledger, Turn::What what, const Record& record) {
  Turn turn;
  Turn::Write& write = turn.writes.emplace_back();
  write.what = what;
  write.hold = record.hold;
  if (what != Turn::What::release) encode_record(turn.octets, record, record.hold);
  write.size = turn.octets.size();
  ledger.submit(std::move(turn));
}

// One call, from its slot to its end. What it cost, if it was settled.
std::optional<Money> call(World& world, std::mt19937_64& random, const std::string& project) {
  Record record;
  record.project = project;
  record.hold = world.ledger.make_hold_id();
  HeldRoom room;
  if (world.governor.admit(scope_of(record), {100, 100, false}, room).verdict !=
      LimitAnswer::Verdict::admitted) {
    return std::nullopt;
  }
  HeldBudget held;
  world.governor.begin(held);
  const BudgetAmount least{cents(1 + random() % 20), 10};
  const BudgetAsk wanted{least, {least.money + cents(random() % 50), 20}};
  const BudgetDecision decision = world.governor.hold(scope_of(record), wanted, held);
  record.time = decision.time;
  if (decision.verdict != Verdict::held) {
    world.governor.count_refusal(decision.by);
    return std::nullopt;
  }
  record.cost = held.amount().money;
  record.priced = true;
  tell(world.ledger, Turn::What::hold, record);
  world.governor.join(held, record.hold, scope_of(record), held.amount(), record.time);
  for (std::uint64_t steps = random() % 4; steps != 0; --steps) {
    world.governor.grow(held, {cents(random() % 10), 5});
  }
  if (random() % 4 == 0) {  // it dies; both guards give back
    tell(world.ledger, Turn::What::release, record);
    return std::nullopt;
  }
  const auto most = static_cast<std::uint64_t>(held.amount().money.picodollars());
  record.cost = Money::picodollars(most == 0 ? 0 : random() % (most + 1));
  record.usage.input = random() % 10;
  tell(world.ledger, Turn::What::settle, record);
  const BudgetAmount used{record.cost, record.usage.input};
  world.governor.settle(held, record.hold, scope_of(record), used, record.time);
  room.finish({record.usage.input, 0, false});
  return record.cost;
}

void work(World& world, std::uint64_t seed, Sums& sums) {
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < rounds(); ++i) {
    const std::string project = "p" + std::to_string(random() % kProjects);
    const std::optional<Money> cost = call(world, random, project);
    if (!cost) continue;
    sums[project] += *cost;
    sums[""] += *cost;
  }
  --world.running;
}

void watch(World& world) {
  while (world.running.load() != 0) {
    world.governor.each_budget([](const BudgetRule& rule, const BudgetStanding& now) {
      EXPECT_GE(now.held, Money()) << rule.name;
      if (rule.name == "guest") return;  // calls of before it may pass its limit
      EXPECT_LE(now.spent + now.held, now.limit) << rule.name;
      EXPECT_EQ(now.remaining, now.limit - now.spent - now.held) << rule.name;
    });
    world.governor.budget_refusals();
    world.governor.limit_refusals();
    std::this_thread::yield();
  }
}

TEST(GovernorThreads, PromiseNothingTwiceAndCountEverythingOnce) {
  World world;
  ASSERT_TRUE(world.adopt(nullptr, std::chrono::milliseconds(0)));
  std::vector<Sums> sums(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&world, &its = sums[i], i] { work(world, i, its); });
  }
  threads.emplace_back([&world] { watch(world); });
  // A guest that counts and one that blocks take turns, with pauses in which it is nobody's.
  BudgetOrder guest = order("guest", {}, cents(1), BudgetPeriod::total);
  std::size_t visits = 0;
  while (world.running.load() != 0) {
    guest.said.on_exceeded = visits % 2 == 0 ? OnExceeded::audit : OnExceeded::block;
    guest.said.limit = visits % 2 == 0 ? cents(1) : Money::dollars(1'000'000);
    EXPECT_TRUE(world.adopt(&guest));
    ++visits;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (visits % 3 != 0) continue;
    EXPECT_TRUE(world.adopt(nullptr));
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(world.adopt(&guest));

  Sums all;
  for (const Sums& its : sums) {
    for (const auto& [project, sum] : its) all[project] += sum;
  }
  EXPECT_GT(all[""], Money());
  std::size_t seen = 0;
  world.governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& now) {
    ++seen;
    EXPECT_EQ(now.held, Money()) << rule.name;
    EXPECT_EQ(now.held_tokens, 0u) << rule.name;
    const std::string project = now.values.empty() ? "" : std::string(now.values[0]);
    EXPECT_EQ(now.spent, all[project]) << rule.name << ' ' << project;
  });
  EXPECT_EQ(seen, 2 + kProjects);

  // Every slot came back.
  const Record nobody;
  HeldRoom rooms[kSlots + 1];
  for (std::size_t i = 0; i <= kSlots; ++i) {
    const LimitDecision decision = world.governor.admit(scope_of(nobody), {}, rooms[i]);
    EXPECT_EQ(decision.verdict == LimitAnswer::Verdict::admitted, i < kSlots) << i;
  }
}

}  // namespace
}  // namespace farebox
