// Which budgets there are and whose they are: the configuration's, the admin API's, and what a
// restart and a failing disk make of them.
#include "proxy/budget_shelf.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/proxy/governor_support.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;
using Why = ShelfFailure::Why;
using Owner = ShelvedBudget::Owner;

Money usd(std::int64_t dollars) { return Money::dollars(dollars); }

BudgetSettings said(std::string name, const ScopeSettings& scope, Money limit,
                    BudgetPeriod period = BudgetPeriod::monthly) {
  return order(std::move(name), scope, limit, period).said;
}

// Documents in memory whose disk can be taken away.
class BreakingStore final : public DocumentStore {
 public:
  Result<void> put(std::string_view kind, std::string_view id, std::string_view json) override {
    return broken ? Result<void>(gone()) : inner_->put(kind, id, json);
  }
  Result<void> erase(std::string_view kind, std::string_view id) override {
    return broken ? Result<void>(gone()) : inner_->erase(kind, id);
  }
  Result<std::optional<std::string>> get(std::string_view kind, std::string_view id) override {
    return inner_->get(kind, id);
  }
  Result<void> each(std::string_view kind, const Visit& visit) override {
    return inner_->each(kind, visit);
  }
  bool broken = false;

 private:
  static Error gone() { return Error(ErrorCode::io_failed, "the disk is full"); }
  const std::unique_ptr<DocumentStore> inner_ = make_memory_document_store();
};

// What outlives a restart.
struct Disk {
  GovernorClock clock;
  BreakingStore documents;
  WatchedLedger ledger;
};

// A running program.
struct Program {
  explicit Program(Disk& its, const std::vector<BudgetSettings>& configured = {})
      : disk(its), shelf(disk.documents, governor, disk.ledger, disk.clock, log) {
    EXPECT_TRUE(load(configured));
  }
  Result<void> load(const std::vector<BudgetSettings>& configured) {
    Settings settings;
    settings.budgets = configured;
    return shelf.adopt(settings, 60s);
  }
  std::string put(const BudgetSettings& budget, std::string id = "") {
    const auto done = shelf.put(std::move(id), budget, true);
    EXPECT_TRUE(done) << done.error().text;
    return done ? done->id : std::string();
  }
  std::optional<ShelvedBudget> find(std::string_view id) const {
    for (const ShelvedBudget& budget : shelf.list()) {
      if (budget.id == id) return budget;
    }
    return std::nullopt;
  }
  // The limit in force; nothing: there is no such budget in force.
  std::optional<Money> limit(std::string_view name) {
    std::optional<Money> found;
    governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) {
      if (rule.name == name) found = standing.limit;
    });
    return found;
  }

  Disk& disk;
  Logger log{2, Level::error, Logger::Format::json, disk.clock};
  Governor governor{3, 1'000, disk.clock};
  BudgetShelf shelf;
};

TEST(BudgetShelf, ABudgetOfTheApiIsInForceAtOnceAndAfterARestart) {
  Disk disk;
  std::string id;
  {
    Program program(disk);
    const auto made = program.shelf.put("", said("search", {{"project", "search"}}, usd(500)), false);
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->created);
    id = made->id;
    EXPECT_TRUE(id.starts_with("bgt-"));
    EXPECT_EQ(program.limit("search"), usd(500));
  }
  Program program(disk);
  EXPECT_EQ(program.limit("search"), usd(500));
  const auto kept = program.find(id);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->owner, Owner::api);
  EXPECT_FALSE(kept->alerts_enabled);
  EXPECT_FALSE(kept->shadowed);
  EXPECT_EQ(kept->order.said, said("search", {{"project", "search"}}, usd(500)));
  ASSERT_TRUE(program.shelf.remove(id));
  EXPECT_EQ(program.limit("search"), std::nullopt);
  EXPECT_EQ(program.shelf.remove(id).error().why, Why::not_found);
  EXPECT_TRUE(Program(disk).shelf.list().empty());
}

TEST(BudgetShelf, TheSameScopeAndPeriodIsTheSameBudget) {
  Disk disk;
  Program program(disk);
  const std::string id = program.put(said("search", {{"project", "search"}}, usd(500)));
  const auto again = program.shelf.put("", said("", {{"project", "search"}}, usd(600)), true);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->id, id);
  EXPECT_EQ(program.limit("search"), usd(600)) << "its name stays where none is said";
  EXPECT_NE(program.put(said("", {{"project", "search"}}, usd(9), BudgetPeriod::daily)), id);
  EXPECT_EQ(program.limit("project=search daily"), usd(9)) << "unnamed ones are called by what they are";
  program.put(said("renamed", {{"project", "search"}}, usd(700)));
  EXPECT_EQ(program.limit("search"), std::nullopt);
  EXPECT_EQ(program.limit("renamed"), usd(700));
  EXPECT_EQ(program.shelf.list().size(), 2u);
}

TEST(BudgetShelf, AnIdChangesThatOneScopeAndAll) {
  Disk disk;
  Program program(disk);
  const std::string id = program.put(said("b", {{"project", "a"}}, usd(1)));
  EXPECT_EQ(program.put(said("", {{"project", "b"}}, usd(2)), id), id);
  EXPECT_EQ(program.find(id)->order.said, said("b", {{"project", "b"}}, usd(2)));
  EXPECT_EQ(program.shelf.put("bgt-nobody", said("c", {}, usd(1)), true).error().why, Why::not_found);
  // Once, a new budget of the first scope took the id of the one that had moved away.
  const std::string other = program.put(said("c", {{"project", "a"}}, usd(3)));
  EXPECT_NE(other, id);
  EXPECT_EQ(Program(disk).shelf.list().size(), 2u);
}

TEST(BudgetShelf, TwoBudgetsNeverShareAScopeAndPeriod) {
  Disk disk;
  Program program(disk);
  program.put(said("a", {{"project", "a"}}, usd(1)));
  const std::string b = program.put(said("b", {{"project", "b"}}, usd(1)));
  const auto refused = program.shelf.put(b, said("b", {{"project", "a"}}, usd(1)), true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why, Why::scope_taken);
  EXPECT_EQ(program.find(b)->order.said.scope, (ScopeSettings{{"project", "b"}}));
}

TEST(BudgetShelf, ANameIsTakenOnce) {
  Disk disk;
  Program program(disk, {said("configured", {{"user", "*"}}, usd(5))});
  program.put(said("mine", {{"project", "a"}}, usd(1)));
  for (const char* name : {"mine", "configured"}) {
    const auto refused = program.shelf.put("", said(name, {{"project", "b"}}, usd(1)), true);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().why, Why::name_taken);
    EXPECT_NE(refused.error().text.find(name), std::string::npos);
  }
  EXPECT_EQ(program.shelf.list().size(), 2u);
  EXPECT_EQ(program.limit("mine"), usd(1));
}

TEST(BudgetShelf, TheConfigurationOwnsItsBudgets) {
  Disk disk;
  Program program(disk, {said("configured", {{"user", "*"}}, usd(5))});
  const auto changed = program.shelf.put("", said("x", {{"user", "*"}}, usd(50)), true);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().why, Why::owned_by_config);
  EXPECT_EQ(program.shelf.put("configured", said("x", {}, usd(50)), true).error().why, Why::owned_by_config);
  EXPECT_EQ(program.shelf.remove("configured").error().why, Why::owned_by_config);
  EXPECT_EQ(program.find("configured")->owner, Owner::config);
  ASSERT_TRUE(program.load({}));
  EXPECT_TRUE(program.shelf.list().empty()) << "it went with the file";
}

TEST(BudgetShelf, WhatTheConfigurationSaysGoesFirst) {
  Disk disk;
  Program program(disk);
  const std::string by_scope = program.put(said("scope", {{"project", "a"}}, usd(1)));
  const std::string by_name = program.put(said("name", {{"project", "b"}}, usd(2)));
  const std::string free = program.put(said("free", {{"project", "c"}}, usd(3)));
  const std::vector<BudgetSettings> configured{said("file", {{"project", "a"}}, usd(10)),
                                               said("name", {{"project", "z"}}, usd(20))};
  const auto check = [&](Program& its) {
    EXPECT_TRUE(its.find(by_scope)->shadowed);
    EXPECT_TRUE(its.find(by_name)->shadowed);
    EXPECT_FALSE(its.find(free)->shadowed);
    EXPECT_EQ(its.limit("scope"), std::nullopt);
    EXPECT_EQ(its.limit("file"), usd(10));
    EXPECT_EQ(its.limit("name"), usd(20));
    EXPECT_EQ(its.limit("free"), usd(3));
  };
  ASSERT_TRUE(program.load(configured));
  check(program);
  Program restarted(disk, configured);
  check(restarted);
  ASSERT_TRUE(restarted.load({}));
  EXPECT_EQ(restarted.limit("scope"), usd(1)) << "nothing was lost meanwhile";
  EXPECT_EQ(restarted.limit("name"), usd(2));
  EXPECT_FALSE(restarted.find(by_name)->shadowed);
}

TEST(BudgetShelf, AnOverrideHoldsForAWhileWhoeverOwnsIt) {
  Disk disk;
  const std::vector<BudgetSettings> configured{said("file", {{"project", "a"}}, usd(10))};
  Program program(disk, configured);
  const std::string id = program.put(said("api", {{"project", "b"}}, usd(20)));
  const WallTime until = disk.clock.wall + 2h;
  for (const std::string& each : {std::string("file"), id}) {
    ASSERT_TRUE(program.shelf.override_limit(each, BudgetRule::Override{usd(800), until}, "a launch"));
    EXPECT_EQ(program.find(each)->reason, "a launch");
  }
  EXPECT_EQ(program.limit("file"), usd(800));
  Program restarted(disk, configured);
  EXPECT_EQ(restarted.limit("file"), usd(800));
  EXPECT_EQ(restarted.limit("api"), usd(800));
  EXPECT_EQ(restarted.find("file")->order.said, configured[0]) << "the file's own words stay";
  ASSERT_TRUE(restarted.shelf.override_limit("file", std::nullopt, ""));
  EXPECT_EQ(restarted.limit("file"), usd(10));
  disk.clock.pass(2h);
  EXPECT_EQ(restarted.limit("api"), usd(20));
  EXPECT_EQ(Program(disk, configured).limit("file"), usd(10));
  EXPECT_EQ(restarted.shelf.override_limit("nobody", std::nullopt, "").error().why, Why::not_found);
}

TEST(BudgetShelf, TopUpsAddUpInTheWindowThatRuns) {
  Disk disk;  // it is 2026-11-21
  const std::vector<BudgetSettings> configured{said("file", {}, usd(10))};
  Program program(disk, configured);
  auto added = program.shelf.top_up("file", usd(5), "more");
  ASSERT_TRUE(added);
  EXPECT_EQ(added->limit, usd(5));
  EXPECT_EQ(rfc3339(added->until), "2026-12-01T00:00:00.000Z");
  added = program.shelf.top_up("file", usd(7), "and more");
  ASSERT_TRUE(added);
  EXPECT_EQ(added->limit, usd(12));
  EXPECT_EQ(program.limit("file"), usd(22));
  Program restarted(disk, configured);
  EXPECT_EQ(restarted.limit("file"), usd(22));
  disk.clock.pass(24h * 10);
  EXPECT_EQ(restarted.limit("file"), usd(10)) << "it ended with November";
  added = restarted.shelf.top_up("file", usd(1), "");
  ASSERT_TRUE(added);
  EXPECT_EQ(added->limit, usd(1)) << "what has ended doesn't come back";
  EXPECT_EQ(rfc3339(added->until), "2027-01-01T00:00:00.000Z");
}

TEST(BudgetShelf, ATopUpOfATotalLastsForEver) {
  Disk disk;
  std::string id;
  {
    Program program(disk);
    id = program.put(said("all", {}, usd(10), BudgetPeriod::total));
    const auto added = program.shelf.top_up(id, usd(5), "");
    ASSERT_TRUE(added);
    EXPECT_EQ(added->until, WallTime::max());
  }
  disk.clock.pass(24h * 4'000);
  Program program(disk);
  EXPECT_EQ(program.limit("all"), usd(15));
  ASSERT_TRUE(program.shelf.top_up(id, usd(1), ""));
  EXPECT_EQ(program.limit("all"), usd(16));
}

TEST(BudgetShelf, AChangeKeepsWhatWasSpentAndAdded) {
  Disk disk;
  Program program(disk);
  const std::string id = program.put(said("b", {}, usd(10)));
  Record record;
  record.project = "p";
  HeldBudget held;
  ASSERT_EQ(program.governor.hold(scope_of(record), ask(usd(4)), held).verdict,
            BudgetAnswer::Verdict::held);
  program.governor.settle(held, {}, scope_of(record), {usd(3), 0}, disk.clock.wall);
  ASSERT_TRUE(program.shelf.top_up(id, usd(5), ""));
  program.put(said("b", {}, usd(20)));
  EXPECT_EQ(program.limit("b"), usd(25));
  program.governor.each_budget([](const BudgetRule&, const BudgetStanding& standing) {
    EXPECT_EQ(standing.spent, usd(3));
  });
}

// Records go by and by; what they cost stays in the budgets that last longer.
TEST(BudgetShelf, WhatIsPrunedStaysSpent) {
  Disk disk;
  const std::vector<BudgetSettings> configured{
      said("total", {}, usd(1'000), BudgetPeriod::total),
      said("each", {{"project", "*"}, {"tag.team", "red"}}, usd(1'000), BudgetPeriod::yearly),
      said("model", {{"model", "gpt-4o"}}, usd(1'000), BudgetPeriod::total),
      said("daily", {}, usd(1'000), BudgetPeriod::daily)};
  const auto spent = [](Program& program) {
    std::map<std::string, Money> sums;
    program.governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) {
      std::string name = rule.name;
      for (const std::string_view value : standing.values) name += ' ' + std::string(value);
      if (standing.spent != Money()) sums[name] = standing.spent;
    });
    return sums;
  };
  const auto expected = [&](std::int64_t records, std::int64_t today) {
    std::map<std::string, Money> sums{{"total", usd(records)}, {"each a red", usd((records + 1) / 2)},
                                      {"each b red", usd(records / 2)}, {"model gpt-4o", usd(records)}};
    if (today != 0) sums["daily"] = usd(today);
    return sums;
  };
  Record record;
  record.provider = "openrouter";
  record.tags = {{"team", "red"}};
  record.cost = usd(1);
  for (int i = 0; i < 10; ++i) {
    record.project = i % 2 == 0 ? "a" : "b";
    record.requested_model = i % 2 == 0 ? "gpt-4o" : "openai/GPT-4o-2024-08-06";
    record.time = disk.clock.wall;
    disk.ledger.inner.append(record);
    disk.clock.pass(5h);
  }
  for (const std::uint64_t first : {4u, 4u, 9u}) {
    Program program(disk, configured);
    ASSERT_EQ(spent(program), expected(10, 2));
    // A crash before the records go, and after.
    ASSERT_FALSE(program.shelf.fold(first, [] { return Error(ErrorCode::io_failed, "it crashed"); }));
    EXPECT_EQ(spent(program), expected(10, 2));
    EXPECT_EQ(spent(*std::make_unique<Program>(disk, configured)), expected(10, 2));
    ASSERT_TRUE(program.shelf.fold(first, [&]() -> Result<void> {
      disk.ledger.pruned = first;
      return {};
    }));
    EXPECT_EQ(spent(program), expected(10, 2));
  }
  // A budget that goes and comes again, and one that came when they were gone.
  Program program(disk, configured);
  ASSERT_TRUE(program.load({}));
  ASSERT_TRUE(program.load(configured));
  EXPECT_EQ(spent(program), expected(10, 2));
  ASSERT_TRUE(program.load({said("new", {{"provider", "openrouter"}}, usd(10), BudgetPeriod::total)}));
  EXPECT_EQ(spent(program), (std::map<std::string, Money>{{"new openrouter", usd(2)}}));
  // Where that can't be written nothing goes.
  ASSERT_TRUE(program.load(configured));
  disk.documents.broken = true;
  bool pruned = false;
  EXPECT_FALSE(program.shelf.fold(10, [&]() -> Result<void> { return pruned = true, Result<void>(); }));
  EXPECT_FALSE(pruned);
}

TEST(BudgetShelf, AStoreThatFailsChangesNothing) {
  Disk disk;
  Program program(disk);
  const std::string id = program.put(said("b", {}, usd(10)));
  disk.documents.broken = true;
  EXPECT_EQ(program.shelf.put("", said("b", {}, usd(20)), true).error().why, Why::store_failed);
  EXPECT_EQ(program.shelf.put("", said("c", {{"user", "u"}}, usd(20)), true).error().why, Why::store_failed);
  EXPECT_EQ(program.shelf.remove(id).error().why, Why::store_failed);
  EXPECT_EQ(program.shelf.top_up(id, usd(1), "").error().why, Why::store_failed);
  EXPECT_EQ(program.shelf.override_limit(id, BudgetRule::Override{usd(1), disk.clock.wall + 1h}, "").error().why,
            Why::store_failed);
  EXPECT_EQ(program.limit("b"), usd(10));
  EXPECT_EQ(program.shelf.list().size(), 1u);
  EXPECT_EQ(program.find(id)->order.top_up.has_value(), false);
  disk.documents.broken = false;
  EXPECT_EQ(program.put(said("b", {}, usd(20))), id);
  EXPECT_EQ(program.limit("b"), usd(20));
}

TEST(BudgetShelf, ADamagedDocumentIsSaidNotSkipped) {
  for (const char* kind : {"budget", "budget_change"}) {
    Disk disk;
    ASSERT_TRUE(disk.documents.put(kind, "file", "{\"name\": "));
    Governor governor{3, 10, disk.clock};
    Logger log{2, Level::error, Logger::Format::json, disk.clock};
    BudgetShelf shelf(disk.documents, governor, disk.ledger, disk.clock, log);
    Settings settings;
    settings.budgets = {said("file", {}, usd(10))};
    const auto done = shelf.adopt(settings, 0s);
    ASSERT_FALSE(done) << kind;
    EXPECT_EQ(done.error().code, ErrorCode::ledger_damaged);
    EXPECT_NE(done.error().context.find("file"), std::string::npos);
  }
}

}  // namespace
}  // namespace farebox
