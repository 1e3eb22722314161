#include "policy/alert_book.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using What = AlertBook::Change::What;
using std::chrono::sys_days;

const WallTime kStart = sys_days(std::chrono::year(2026) / 11 / 1);
const Window kNovember{kStart, sys_days(std::chrono::year(2026) / 12 / 1)};
const Window kDecember{kNovember.end, sys_days(std::chrono::year(2027) / 1 / 1)};

BudgetSight sight(std::int64_t spent, std::int64_t limit = 100, Window window = kNovember) {
  BudgetSight made;
  made.name = "team-a";
  made.scope = {{"project", "alpha"}};
  made.window = window;
  made.limit = Money::dollars(limit);
  made.spent = Money::dollars(spent);
  return made;
}

// "+warning -critical"
std::string text(const AlertBook::Changes& changes) {
  std::string text;
  for (const auto& change : changes) {
    text += (text.empty() ? "" : " ") + std::string(change.what == What::fires ? "+" : "-");
    text += name_of(change.kind).substr(name_of(change.kind).find('_') + 1);
  }
  return text;
}

TEST(AlertBook, FiresEachThresholdOnceInAWindow) {
  AlertBook book;
  const struct {
    std::int64_t spent;
    const char* fires;
  } rows[] = {{0, ""}, {79, ""}, {80, "+warning"}, {81, ""}, {94, ""}, {95, "+critical"},
              {99, ""}, {100, "+exceeded"}, {130, ""}};
  for (const auto& row : rows) EXPECT_EQ(text(book.observe_budget(sight(row.spent))), row.fires) << row.spent;
}

TEST(AlertBook, ForgetsNoThresholdThatIsJumpedOver) {
  AlertBook book;
  EXPECT_EQ(text(book.observe_budget(sight(200))), "+warning +critical +exceeded");
  EXPECT_EQ(text(book.observe_budget(sight(201))), "");
}

TEST(AlertBook, ANewWindowArmsAll) {
  AlertBook book;
  book.observe_budget(sight(96));
  EXPECT_EQ(text(book.observe_budget(sight(0, 100, kDecember))), "-warning -critical");
  EXPECT_EQ(text(book.observe_budget(sight(80, 100, kDecember))), "+warning");
  // A clock that was set back, or a look from before the turn.
  EXPECT_EQ(text(book.observe_budget(sight(99, 100, kNovember))), "");
}

TEST(AlertBook, AnotherPeriodIsAnotherWindow) {
  const Window day{kStart + 24h, kStart + 48h};
  AlertBook book;
  EXPECT_EQ(text(book.observe_budget(sight(85, 100, day))), "+warning");
  EXPECT_EQ(text(book.observe_budget(sight(85, 100, kNovember))), "-warning +warning");
  EXPECT_EQ(text(book.observe_budget(sight(0, 100, day))), "-warning");
}

TEST(AlertBook, TheEndOfTheWindowEndsWhatFired) {
  AlertBook book;
  book.observe_budget(sight(80));
  EXPECT_EQ(text(book.pass(kNovember.end - 1us)), "");
  EXPECT_EQ(text(book.pass(kNovember.end)), "-warning");
  EXPECT_EQ(book.size(), 0u);
}

TEST(AlertBook, ARaisedLimitArmsWhatItPasses) {
  AlertBook book;
  book.observe_budget(sight(96));
  EXPECT_EQ(text(book.observe_budget(sight(96, 110))), "-critical");       // 87 %
  EXPECT_EQ(text(book.observe_budget(sight(105, 110))), "+critical");
  EXPECT_EQ(text(book.observe_budget(sight(105, 200))), "-warning -critical");
  EXPECT_EQ(text(book.observe_budget(sight(160, 200))), "+warning");
  EXPECT_EQ(text(book.observe_budget(sight(160, 100))), "+critical +exceeded");
}

TEST(AlertBook, SpendThatShrinksArmsNothing) {
  AlertBook book;
  book.observe_budget(sight(81));
  EXPECT_EQ(text(book.observe_budget(sight(78))), "");
  EXPECT_EQ(text(book.observe_budget(sight(82))), "");
}

TEST(AlertBook, ARaisedThresholdArms) {
  AlertBook book;
  BudgetSight at = sight(60);
  at.warning_millionths = 500'000;
  EXPECT_EQ(text(book.observe_budget(at)), "+warning");
  at.warning_millionths = 700'000;
  EXPECT_EQ(text(book.observe_budget(at)), "-warning");
  at.spent = Money::dollars(70);
  EXPECT_EQ(text(book.observe_budget(at)), "+warning");
}

TEST(AlertBook, TokensCountAsMoneyDoes) {
  AlertBook book;
  BudgetSight at = sight(1);
  at.token_limit = 1'000;
  at.spent_tokens = 799;
  EXPECT_EQ(text(book.observe_budget(at)), "");
  at.spent_tokens = 950;
  EXPECT_EQ(text(book.observe_budget(at)), "+warning +critical");
  at.token_limit = 2'000;
  EXPECT_EQ(text(book.observe_budget(at)), "-warning -critical");
}

TEST(AlertBook, ARefusalIsTheLimitWhereLittleIsLeft) {
  AlertBook book;
  BudgetSight at = sight(40);
  at.refused = true;
  EXPECT_EQ(text(book.observe_budget(at)), "") << "that call was too dear";
  at.spent = Money::dollars(85);
  EXPECT_EQ(text(book.observe_budget(at)), "+warning +exceeded");
  at.refused = false;
  EXPECT_EQ(text(book.observe_budget(at)), "");
  at.spent = Money::dollars(100);
  EXPECT_EQ(text(book.observe_budget(at)), "+critical");
}

TEST(AlertBook, ALimitOfNothingIsQuietUntilSomebodyCalls) {
  AlertBook book;
  BudgetSight at = sight(0, 0);
  EXPECT_EQ(text(book.observe_budget(at)), "");
  at.refused = true;
  EXPECT_EQ(text(book.observe_budget(at)), "+exceeded");
}

TEST(AlertBook, ABudgetThatIsGoneEndsItsAlerts) {
  AlertBook book;
  book.observe_budget(sight(80));
  EXPECT_TRUE(book.knows_budget("team-a"));
  EXPECT_EQ(text(book.keep_budgets([](std::string_view) { return false; })), "-warning");
  EXPECT_FALSE(book.knows_budget("team-a"));
}

TEST(AlertBook, AForecastFiresOnceWhenTheWholeBandIsAbove) {
  AlertBook book;
  const auto forecast = [](std::int64_t low, std::int64_t mean) {
    return BudgetForecast{Money::dollars(mean), Money::dollars(low), Money::dollars(2 * mean), {}};
  };
  EXPECT_EQ(text(book.observe_forecast(sight(20), forecast(90, 120))), "");
  EXPECT_EQ(text(book.observe_forecast(sight(20), forecast(101, 120))), "+forecast");
  EXPECT_EQ(text(book.observe_forecast(sight(20), forecast(90, 95))), "");
  EXPECT_EQ(text(book.observe_forecast(sight(20), forecast(101, 120))), "") << "it wavers";
  EXPECT_EQ(text(book.observe_forecast(sight(20, 300), forecast(101, 120))), "-forecast");
  EXPECT_EQ(text(book.observe_forecast(sight(20, 300), forecast(301, 320))), "+forecast");
  EXPECT_EQ(text(book.observe_budget(sight(301, 300))), "+warning +critical +exceeded");
  EXPECT_EQ(text(book.pass(kNovember.end)), "-warning -critical -exceeded -forecast");
}

TEST(AlertBook, ALimitThatRefusesIsToldOnceUntilItWasQuiet) {
  AlertBook book;
  EXPECT_EQ(text(book.observe_refusal("rpm", "key=a", kStart)), "+limited");
  EXPECT_EQ(text(book.observe_refusal("rpm", "key=b", kStart)), "+limited");
  EXPECT_EQ(text(book.observe_refusal("rpm", "key=a", kStart + 9min)), "");
  EXPECT_EQ(text(book.pass(kStart + 10min)), "-limited");
  EXPECT_EQ(text(book.observe_refusal("rpm", "key=a", kStart + 18min)), "");
  EXPECT_EQ(text(book.pass(kStart + 28min)), "-limited");
  EXPECT_EQ(text(book.observe_refusal("rpm", "key=a", kStart + 29min)), "+limited");
}

TEST(AlertBook, OtherKindsFireOnce) {
  AlertBook book;
  EXPECT_EQ(text(book.observe_unpriced("new-model")), "+unpriced");
  EXPECT_EQ(text(book.observe_unpriced("new-model")), "");
  EXPECT_EQ(text(book.observe_breaker("openai", true)), "+open");
  EXPECT_EQ(text(book.observe_breaker("openai", true)), "");
  EXPECT_EQ(text(book.observe_breaker("openai", false)), "-open");
  EXPECT_EQ(text(book.observe_ledger(true)), "");
  EXPECT_EQ(text(book.observe_ledger(false)), "+failed");
  EXPECT_EQ(text(book.observe_ledger(false)), "");
  EXPECT_EQ(text(book.observe_ledger(true)), "-failed +recovered");
  for (int i = 0; i < 2'000; ++i) book.observe_unpriced("model-" + std::to_string(i));
  EXPECT_EQ(text(book.observe_unpriced("one more")), "");
}

TEST(AlertBook, RemembersABoundedNumberOfCombinations) {
  AlertBook book(100);
  BudgetSight at = sight(90);
  for (int i = 0; i < 1'000; ++i) {
    at.scope[0].second = std::to_string(i);
    EXPECT_EQ(text(book.observe_budget(at)), "+warning");
  }
  EXPECT_EQ(book.size(), 100u);
  EXPECT_EQ(text(book.observe_budget(at)), "") << "the newest is remembered";
}

// What a restart keeps: what fired and isn't over.
struct Kept {
  std::map<std::tuple<AlertKind, std::string, std::string>, std::pair<AlertBook::Change, Window>> fired;

  void note(const AlertBook::Changes& changes, const Window& window) {
    for (const auto& change : changes) {
      const auto key = std::tuple(change.kind, change.subject, change.scope);
      if (change.what == What::fires) fired[key] = {change, window};
      else fired.erase(key);
    }
  }
  void restart(std::optional<AlertBook>& book, WallTime now) const {
    book.emplace();
    for (const auto& [key, each] : fired) book->restore(each.first, each.second, now);
  }
};

// Calls, other limits, restarts and new windows in any order: a threshold fires when it is
// crossed and was armed, and never otherwise.
TEST(AlertBook, FiresExactlyOnceWhateverHappensInWhichOrder) {
  const std::uint32_t parts[] = {800'000, 950'000, 1'000'000};
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&](int least, int most) {
      return std::uniform_int_distribution<int>(least, most)(random);
    };
    std::optional<AlertBook> book(std::in_place);
    Kept kept;
    Period period(BudgetPeriod::daily, TimeZone(), {});
    WallTime now = kStart;
    std::int64_t spent = 0, limit = 100;
    Window window = period.window_at(now);
    std::int64_t told_at[3] = {0, 0, 0};  // the limit, times millionths, it fired at; 0: armed
    for (int step = 0; step < 300; ++step) {
      switch (draw(0, 9)) {
        case 0: limit = draw(50, 300); break;
        case 1: kept.restart(book, now); break;
        case 2: now += std::chrono::minutes(draw(0, 700)); break;
        case 3: spent -= std::min<std::int64_t>(spent, draw(0, 3)); break;  // a crash lost it
        default: spent += draw(0, 20);
      }
      if (!window.has(now)) {
        window = period.window_at(now);
        spent = 0;
        for (auto& each : told_at) each = 0;
        if (draw(0, 1) == 0) kept.note(book->pass(now), window);
      }
      std::string expected;
      std::string ends;
      for (std::size_t i = 0; i < 3; ++i) {
        const std::int64_t mark = limit * parts[i];
        const bool reached = spent != 0 && spent * 1'000'000 >= mark;
        if (told_at[i] != 0 && !reached && mark > told_at[i]) told_at[i] = 0;
        else if (told_at[i] == 0 && reached) {
          told_at[i] = mark;
          expected += "+";
          expected += name_of(static_cast<AlertKind>(i));
        }
      }
      const auto changes = book->observe_budget(sight(spent, limit, window));
      kept.note(changes, window);
      std::string got;
      for (const auto& change : changes) {
        if (change.what == What::fires) got += "+" + std::string(name_of(change.kind));
      }
      ASSERT_EQ(got, expected) << "seed " << seed << ", step " << step;
    }
  }
}

// The calendar of the budget is that of its alerts: in each window of 400 days, in zones whose
// clocks change, each threshold fires once, wherever in the window it is crossed.
TEST(AlertBook, AgreesWithTheCalendarInFourZonesOver400Days) {
  for (const char* const name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"}) {
    const auto zone = TimeZone::find(name);
    ASSERT_TRUE(zone);
    for (const BudgetPeriod kind : {BudgetPeriod::daily, BudgetPeriod::weekly, BudgetPeriod::monthly}) {
      const Period period(kind, *zone, {});
      AlertBook book;
      std::map<WallTime, int> fired;   // by window
      std::map<WallTime, int> crossed;
      WallTime at = kStart;
      Window window = period.window_at(at);
      std::int64_t spent = 0;
      for (; at < kStart + std::chrono::days(400); at += 20min) {
        if (!window.has(at)) {
          const Window next = period.window_at(at);
          EXPECT_EQ(next.start, window.end) << name;
          const auto over = book.pass(at);
          EXPECT_EQ(over.size(), spent >= 80 ? 1u : 0u) << name << " " << rfc3339(at);
          window = next;
          spent = 0;
        }
        // The day's 14th step of twenty minutes, and every one after it.
        if (at - window.start >= 280min) spent = 85;
        if (spent >= 80) crossed[window.start] = 1;
        for (const auto& change : book.observe_budget(sight(spent, 100, window))) {
          EXPECT_EQ(change.what, What::fires);
          EXPECT_EQ(change.window_start, window.start);
          ++fired[change.window_start];
        }
      }
      EXPECT_EQ(fired, crossed) << name;
      EXPECT_GE(fired.size(), kind == BudgetPeriod::daily ? 400u : kind == BudgetPeriod::weekly ? 57u : 13u);
    }
  }
}

}  // namespace
}  // namespace farebox
