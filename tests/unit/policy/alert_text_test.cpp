#include "policy/alert_text.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;

WallTime day(unsigned month, unsigned day) {
  return std::chrono::sys_days(std::chrono::year(2026) / static_cast<int>(month) / static_cast<int>(day));
}

BudgetSight sight() {
  BudgetSight made;
  made.name = "team-a";
  made.scope = {{"project", "alpha"}};
  made.window = {day(11, 1), day(12, 1)};
  made.limit = Money::dollars(50);
  made.spent = *Money::parse("40.61");
  return made;
}

TEST(AlertText, SaysWhatHowFastUntilWhenAndWhatToDo) {
  const SpendRate rate{*Money::parse("5.70"), 3h};
  const AlertWords words = budget_words(AlertKind::budget_warning, sight(), {"team-a", true, OnExceeded::block, rate, {}},
                                        day(11, 21) + 18h + 13min);
  EXPECT_EQ(words.title, "Budget team-a (project=alpha) is at 81.2 % of $50.00");
  EXPECT_EQ(words.text,
            "The monthly budget team-a (project=alpha) is at 81.2 % of $50.00: $40.61 of $50.00 is "
            "spent since Nov 1 00:00 UTC. The last 3 hours cost $1.90 an hour: at that rate it is "
            "gone in about 5 hours, at Nov 21 23:09 UTC. Then calls are refused until it begins "
            "anew at Dec 1 00:00 UTC. To go on: farebox budgets top-up 'team-a' --usd 10, or raise "
            "its limit_usd in the configuration and reload.");
}

TEST(AlertText, OfALimitThatIsReached) {
  BudgetSight at = sight();
  at.spent = Money::dollars(51);
  at.period = BudgetPeriod::total;
  at.window = {};
  const AlertWords words = budget_words(AlertKind::budget_exceeded, at, {"bgt-1", false, OnExceeded::audit, {}, {}}, day(11, 21));
  EXPECT_EQ(words.title, "Budget team-a (project=alpha) is used up");
  EXPECT_EQ(words.text,
            "The budget team-a (project=alpha) is at its limit: $51.00 of $50.00 is spent. Calls go "
            "on, it only watches. To go on: farebox budgets top-up 'bgt-1' --usd 10, or raise its "
            "limit with farebox budgets set.");
}

TEST(AlertText, OfAForecast) {
  const BudgetForecast forecast{Money::dollars(70), Money::dollars(60), Money::dollars(80), day(11, 25)};
  const AlertWords words = budget_words(AlertKind::budget_forecast, sight(), {"team-a", true, OnExceeded::block, {}, forecast}, day(11, 21));
  EXPECT_EQ(words.title, "Budget team-a (project=alpha) is forecast to exceed $50.00");
  EXPECT_NE(words.text.find("$70.00 are foreseen ($60.00 to $80.00); it will be gone at Nov 25 00:00 UTC."), std::string::npos) << words.text;
}

TEST(AlertText, OfTokens) {
  BudgetSight at = sight();
  at.token_limit = 1'000'000;
  at.spent_tokens = 960'000;
  const AlertWords words = budget_words(AlertKind::budget_critical, at, {"team-a", true, OnExceeded::block, {}, {}}, day(11, 21));
  EXPECT_EQ(words.title, "Budget team-a (project=alpha) is at 96 % of its tokens");
  EXPECT_NE(words.text.find("960,000 of 1,000,000 tokens"), std::string::npos) << words.text;
}

TEST(AlertText, TellsWhenItIsGone) {
  const BudgetSight at = sight();  // $9.39 are left
  EXPECT_EQ(gone_at(at, {Money::dollars(1), 1h}, day(11, 21)), day(11, 21) + 33'804s);
  EXPECT_EQ(gone_at(at, {Money(), 1h}, day(11, 21)), std::nullopt);
  EXPECT_EQ(gone_at(at, {Money::picodollars(1), 1h}, day(11, 21)), std::nullopt);
}

TEST(AlertText, AmountsForPeople) {
  const std::pair<const char*, const char*> rows[] = {
      {"0", "$0.00"}, {"1", "$1.00"}, {"1234567.895", "$1,234,567.90"}, {"0.5", "$0.5000"},
      {"0.0123", "$0.0123"}, {"0.00004", "$0.00004"}, {"0.000000000001", "$0.000000000001"},
      {"0.99999", "$1.00"}, {"-2", "-$2.00"}};
  for (const auto& [said, shown] : rows) EXPECT_EQ(usd_text(*Money::parse(said)), shown);
}

TEST(AlertText, EveryKindSaysSomething) {
  for (const AlertKind kind : {AlertKind::rate_limited, AlertKind::model_unpriced, AlertKind::breaker_open,
                               AlertKind::ledger_failed, AlertKind::ledger_recovered, AlertKind::test}) {
    const AlertWords words = other_words(kind, "it", "key=a", "why");
    EXPECT_FALSE(words.title.empty());
    EXPECT_GT(words.text.size(), 40u);
    EXPECT_EQ(alert_kind_named(name_of(kind)), kind);
  }
}

}  // namespace
}  // namespace farebox
