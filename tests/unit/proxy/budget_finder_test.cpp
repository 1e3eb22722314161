// Which counter somebody means, and what is said where that isn't clear.
#include "proxy/budget_finder.hpp"

#include <gtest/gtest.h>

#include "proxy/forecast_table.hpp"
#include "tests/unit/proxy/governor_support.hpp"

namespace farebox {
namespace {

using Why = BudgetNotFound::Why;

struct Found {
  GovernorClock clock;
  std::unique_ptr<DocumentStore> documents = make_memory_document_store();
  WatchedLedger ledger;
  Logger log{2, Level::error, Logger::Format::json, clock};
  Governor governor{1, 1'000, clock};
  BudgetShelf shelf{*documents, governor, ledger, clock, log};

  Found() {
    Settings settings;
    for (const BudgetOrder& each :
         {order("month", {{"project", "search"}}, Money::dollars(9), BudgetPeriod::monthly),
          order("day", {{"project", "search"}}, Money::dollars(9), BudgetPeriod::daily),
          order("users", {{"project", "search"}, {"user", "*"}}, Money::dollars(9), BudgetPeriod::monthly),
          order("all", {}, Money::dollars(9), BudgetPeriod::total)}) {
      settings.budgets.push_back(each.said);
    }
    EXPECT_TRUE(shelf.adopt(settings, std::chrono::milliseconds(0)));
    for (const char* user : {"ann", "bob"}) {
      ScopeValues values;
      values.project = "search";
      values.user = user;
      HeldBudget held;
      governor.hold(values, {{Money::dollars(1), 0}, {Money::dollars(1), 0}}, held);
      governor.settle(held, HoldId{1}, values, {Money::dollars(1), 0}, clock.wall_now());
    }
  }

  // "name of scope" of what is found, or why nothing is.
  std::string find(const BudgetSought& sought) {
    const auto found = find_budget(shelf, governor, sought);
    if (found) return found->rule.name + " of " + text_of(*found);
    EXPECT_FALSE(found.error().text.empty());
    switch (found.error().why) {
      case Why::none: return "none";
      case Why::not_in_force: return "not in force";
      case Why::not_counted: return "not counted";
      case Why::several: return "several";
    }
    return "";
  }
};

TEST(BudgetFinder, FindsTheOneThatIsMeant) {
  Found found;
  struct Row {
    BudgetSought sought;
    const char* expected;
  };
  const Row rows[] = {
      {{"month", "", "", {}}, "month of project=search"},
      {{"all", "", "", {}}, "all of every call"},
      {{"", "search", "daily", {}}, "day of project=search"},
      {{"", "", "daily", {{"project", "search"}}}, "day of project=search"},
      // The project's own budget comes before those of its users.
      {{"", "search", "monthly", {}}, "month of project=search"},
      {{"", "search", "", {}}, "several"},
      {{"users", "", "", {}}, "several"},
      {{"users", "", "", {{"user", "ann"}}}, "users of project=search, user=ann"},
      {{"", "search", "monthly", {{"user", "bob"}}}, "users of project=search, user=bob"},
      {{"users", "", "", {{"user", "eve"}}}, "not counted"},
      {{"month", "other", "", {}}, "not counted"},
      {{"month", "", "daily", {}}, "none"},
      {{"nothing", "", "", {}}, "none"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(found.find(row.sought), row.expected)
        << row.sought.budget << ' ' << row.sought.project << ' ' << row.sought.period;
  }
}

TEST(BudgetFinder, SaysWhatIsSpentInIt) {
  Found found;
  const auto month = find_budget(found.shelf, found.governor, {"month", "", "", {}});
  ASSERT_TRUE(month);
  EXPECT_EQ(month->standing.spent, Money::dollars(2));
  EXPECT_EQ(month->standing.limit, Money::dollars(9));
  EXPECT_EQ(month->id, "month");
}

TEST(ForecastTable, ShowsOneLineAndWhatItWasMadeFrom) {
  const auto text = forecast_table(R"({"id":"m","name":"m","scope":{"project":"search"},
      "budgetType":"monthly","limitUsd":"500","currentSpend":"12.123456789012","averageDaily":"1.5",
      "projectedTotal":"45","projectedLow":"40","projectedHigh":"52.25","projectedOverage":"0",
      "daysRemaining":9.25,"limitReachedAt":null,"method":"weekday pattern","daysOfData":20})");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "NAME  SCOPE           PERIOD   LIMIT USD      SPENT  A DAY  PROJECTED  FROM     TO  OVER  DAYS LEFT  LIMIT REACHED\n"
            "m     project=search  monthly        500  12.123456    1.5         45    40  52.25     0        9.2  -\n"
            "\nMade by weekday pattern from 20 whole days of data.\n");
  EXPECT_FALSE(forecast_table("[]"));
  EXPECT_FALSE(forecast_table("{}"));
}

}  // namespace
}  // namespace farebox
