// farebox budgets: lists, sets, removes, tops up, overrides and forecasts the budgets of the
// running farebox, by its admin port.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/clock.hpp"
#include "config/settings.hpp"
#include "proxy/exit_code.hpp"

namespace farebox {

struct BudgetsOptions {
  enum class Act : std::uint8_t { list, set, remove, top_up, override_limit, forecast };
  Act act = Act::list;
  std::string project;  // list: only its rows; forecast: its counter
  // set; forecast, which value of a "*". What is empty isn't said. Amounts are decimals of USD, thresholds parts of one.
  std::vector<std::string> scope;  // project=search; "all" alone: every call
  std::string period, limit_usd, limit_tokens, warning, critical, time_zone, week_starts,
      year_starts, on_exceeded, downgrade_to, throttle, name;
  bool rollover = false;
  std::string id;          // all but list; with set: change this one; forecast: or its name
  std::string usd;         // top-up
  std::string length;      // override: such as "2h"
  bool end = false;        // override
  std::string reason;      // top-up, override
  bool json = false;
};

// The path of the admin port these options ask, and with which body. Error: what they say
// can't be meant.
struct BudgetsCall {
  std::string_view method = "GET";
  std::string target;
  std::string body;
};
CommandResult<BudgetsCall> budgets_call(const BudgetsOptions& options);

// Prints and gives the exit code.
int run_budgets(const AdminSettings& admin, const BudgetsOptions& options, const Clock& clock);

}  // namespace farebox
