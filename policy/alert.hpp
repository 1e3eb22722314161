// Alert: something an operator should know of, that happened once. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/alert_settings.hpp"
#include "config/base/clock.hpp"
#include "config/base/money.hpp"
#include "policy/period.hpp"
#include "policy/usage.hpp"

namespace farebox {

enum class AlertKind : std::uint8_t {
  budget_warning,    // the spend crossed the warning threshold
  budget_critical,   // ... the critical one
  budget_exceeded,   // ... the limit, or what is left pays for no more calls
  budget_forecast,   // it is foreseen to cross the limit
  rate_limited,      // a rate limit refuses calls
  model_unpriced,    // a model without a price was used
  breaker_open,      // a provider is left alone for a while
  ledger_failed,     // the store can't write
  ledger_recovered,  // ... and can again
  spend_rise,        // an hour's spend far above what such hours had
  new_model,         // a model nobody has used before
  new_key,           // a virtual key nobody has used before
  retry_storm,       // clients repeat their calls again and again
  test,              // an operator asked for it
};
inline constexpr std::size_t kAlertKinds = 14;
std::string_view name_of(AlertKind kind);
std::optional<AlertKind> alert_kind_named(std::string_view name);
AlertLevel level_of(AlertKind kind);
// It happened, and is over: nothing tells of its end.
bool is_event(AlertKind kind);

// What stands at the names of a scope: "project", "alpha".
using AlertScope = std::vector<std::pair<std::string, std::string>>;
std::string text_of(const AlertScope& scope);  // "project=alpha user=ann"; empty: all

// How a budget stands, for those that decide and write about it.
struct BudgetSight {
  std::string name;
  AlertScope scope;
  Window window;
  BudgetPeriod period = BudgetPeriod::monthly;
  Money limit, spent;
  std::optional<Tokens> token_limit;
  Tokens spent_tokens = 0;
  std::uint32_t warning_millionths = 800'000, critical_millionths = 950'000;
  bool refused = false;  // it told a caller no, for money that is spent
};

// What somebody foresees of a budget. `low` and `high` are the band around `projected`.
struct BudgetForecast {
  Money projected, low, high;     // spent at the window's end
  std::optional<WallTime> gone;   // when the limit will be reached; nothing: not in this window
};

// What a fired alert stands at; it fires again when it is raised above this.
struct AlertMark {
  Money money;
  Tokens tokens = 0;  // 0: no limit of tokens
  friend bool operator==(const AlertMark&, const AlertMark&) = default;
};

}  // namespace farebox
