// What an alert says to people: what happened, how fast the money goes, when it will be gone,
// and what to do. Plain functions.
#pragma once

#include <string>

#include "policy/alert.hpp"

namespace farebox {

// What was spent of a budget's money lately, as the ledger knows it.
struct SpendRate {
  Money spent;
  std::chrono::seconds over{0};  // above 0

  Money an_hour() const;
};

// When a limit will be reached at this rate; nothing: not within a year.
std::optional<WallTime> gone_at(const BudgetSight& sight, const SpendRate& rate, WallTime now);

struct AlertWords {
  std::string title;  // a line
  std::string text;   // sentences
};

// `id`: what commands call the budget. Without a rate nothing is said of it.
struct BudgetStory {
  std::string id;
  bool in_config = true;  // its limit stands in the configuration
  OnExceeded on_exceeded = OnExceeded::block;
  std::optional<SpendRate> rate;
  std::optional<BudgetForecast> forecast;
};
AlertWords budget_words(AlertKind kind, const BudgetSight& sight, const BudgetStory& story,
                        WallTime now);

// Of all other kinds. `subject` and `scope` as AlertBook says them; `detail`: why the store
// can't write, or who asked for a test.
AlertWords other_words(AlertKind kind, std::string_view subject, std::string_view scope,
                       std::string_view detail);

// "$1,234.50", "$0.0041": rounded, for people; never for arithmetic.
std::string usd_text(Money amount);
// "Nov 21 23:10 UTC"
std::string minute_text(WallTime time);

}  // namespace farebox
