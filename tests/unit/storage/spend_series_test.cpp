// What rollups tell of a scope's spend must be what its budget counted, in every zone.
#include "storage/spend_series.hpp"

#include <gtest/gtest.h>

#include "policy/budget_book.hpp"
#include "policy/forecast.hpp"
#include "tests/unit/storage/rollups_fixture.hpp"

namespace farebox {
namespace {

// Nothing but the usage of rollups.
class UsageOnly final : public Ledger {
 public:
  using Ask = std::function<Result<UsageReport>(const UsageQuery&)>;
  explicit UsageOnly(Ask ask) : ask_(std::move(ask)) {}

  Result<UsageReport> usage(const UsageQuery& query) const override { return ask_(query); }
  HoldId make_hold_id() override { return {}; }
  Turn submit(Turn) override { return {}; }
  Result<RecordPage> records(const RecordFilter&, std::size_t,
                             std::optional<std::uint64_t>) const override {
    return none();
  }
  Result<void> scan(std::uint64_t, const Visit&) const override { return none(); }
  Result<void> open_holds(const Visit&) const override { return none(); }
  LedgerStatus status() const override { return {}; }
  Result<void> rebuild() override { return none(); }
  void close() override {}

 private:
  static Error none() { return Error(ErrorCode::ledger_unavailable, "only usage is here"); }
  Ask ask_;
};

Scope scope_of_kind(const ScopeSettings& said) {
  auto scope = Scope::make(said);
  EXPECT_TRUE(scope);
  return *scope;
}

class SpendSeriesTest : public RollupsTest {
 protected:
  const UsageOnly ledger_{[this](const UsageQuery& query) { return ask(query); }};
};

TEST_F(SpendSeriesTest, CostsAloneEqualThoseOfAllSums) {
  RollupMaker make(3);
  make_records(make, 4'000, std::chrono::seconds(200));
  while (added_ < records_.size()) {
    add(1 + make.below(700));
    if (make.one_in(2)) save();
    for (int i = 0; i < 40; ++i) {
      UsageQuery query = make.query(kStart, records_[added_ - 1].time);
      query.group_by.clear();
      query.costs_only = true;
      const auto answer = ask(query);
      ASSERT_TRUE(answer) << answer.error().context;
      std::map<std::optional<WallTime>, Money> told, expected;
      for (const UsageRow& row : answer->rows) {
        if (row.sums.cost != Money()) told[row.start] = row.sums.cost;
      }
      for (const UsageRow& row : slow_answer(query, records_, added_).rows) {
        if (row.sums.cost != Money()) expected[row.start] = row.sums.cost;
      }
      ASSERT_EQ(told, expected);
    }
  }
}

// 400 days in four zones, two of them with parts of hours, by a clock that is set by hand: what
// the series tells since a window's begin is to the picodollar what the budget has counted in
// it, and so are the days of the forecast's calendar together.
TEST_F(SpendSeriesTest, TellsWhatTheBudgetCountedInEveryZone) {
  const WallTime first = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  const auto is_mine = [](const Record& record) { return record.project == "j1"; };
  RollupMaker make(4);
  for (WallTime time = first; time < first + std::chrono::days(400);) {
    time += make.up_to(std::chrono::minutes(100));
    Record record = make.record(records_.size() + 1, time);
    record.priced = true;
    records_.push_back(record);
  }
  const Scope scope = scope_of_kind({{"project", "j1"}});
  const std::string_view values[] = {"j1"};
  const auto filter = rollup_filter(scope, values);
  ASSERT_TRUE(filter);

  struct Watched {
    std::string name;
    BudgetRule* rule;
  };
  BudgetBook book(1, 100);
  std::vector<Watched> budgets;
  for (const char* zone :
       {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}) {
    for (const BudgetPeriod kind : {BudgetPeriod::daily, BudgetPeriod::weekly,
                                    BudgetPeriod::monthly, BudgetPeriod::yearly}) {
      BudgetRule rule;
      rule.id = std::string(zone) + std::to_string(static_cast<int>(kind));
      rule.scope = scope;
      rule.limit = Money::dollars(1'000'000);
      rule.period = Period(kind, *TimeZone::find(zone), {std::chrono::Sunday, std::chrono::April});
      budgets.push_back({rule.id, &book.add(rule)});
    }
  }
  std::size_t looked = 0;
  for (const Record& record : records_) {
    add(1);
    ScopeValues scope_values;
    scope_values.project = record.project;
    book.replay(scope_values, {record.cost, 0}, record.time);
    if (make.one_in(900)) save();
    if (!make.one_in(45) || !is_mine(record)) continue;
    const WallTime now = record.time + std::chrono::microseconds(1);
    book.each(now, [&](const BudgetRule& rule, const BudgetStanding& standing) {
      const WallTime from = std::max(standing.window.start, first);  // all of a year too
      const auto series = read_spend(ledger_, *filter, std::min(from, now - std::chrono::days(9)),
                                     standing.window.start, now);
      ASSERT_TRUE(series) << series.error().context;
      ASSERT_EQ(spent_since(*series, standing.window.start), standing.spent)
          << rule.id << ' ' << rfc3339(now);
      double of_days = 0;
      const WallTime before = first - std::chrono::days(2);  // nothing was spent then
      for (const SpendDay& day : spend_days(rule.period.zone(), series->pieces, before, now, 500)) {
        if (day.start >= standing.window.start) of_days += day.total;
      }
      const auto spent = static_cast<double>(standing.spent.picodollars());
      ASSERT_NEAR(of_days, spent, spent * 1e-9) << rule.id << ' ' << rfc3339(now);
      ++looked;
    });
  }
  EXPECT_GT(looked, 800U);
}

TEST(RollupFilter, SaysWhatRollupsTellApart) {
  const std::string_view values[] = {"acme", "search", "ann"};
  const auto filter = rollup_filter(
      scope_of_kind({{"user", "*"}, {"org", "acme"}, {"project", "search"}}), values);
  ASSERT_TRUE(filter);
  EXPECT_EQ(filter->org, "acme");
  EXPECT_EQ(filter->project, "search");
  EXPECT_EQ(filter->user, "ann");
  EXPECT_TRUE(rollup_filter(Scope(), {}));
  const std::string_view red[] = {"red"};
  EXPECT_FALSE(rollup_filter(scope_of_kind({{"tag.team", "red"}}), red));
  EXPECT_FALSE(rollup_filter(scope_of_kind({{"project", "*"}}), {}));
}

}  // namespace
}  // namespace farebox
