// What policy tells a caller in header lines: limits, money that is left, warnings. Each line
// ends with its CRLF. Plain functions.
#pragma once

#include <string>

#include "config/dialect_name.hpp"
#include "proxy/governor.hpp"

namespace farebox {

// x-ratelimit-* with durations such as "6m0s", or anthropic-ratelimit-* with times
// (conventions, section 6).
void append_limits(std::string& out, DialectName dialect, const LimitDecision& decision,
                   WallTime now);

// x-farebox-budget-warning, from the warning threshold on.
void append_warning(std::string& out, const BudgetDecision& decision);

// x-farebox-budget-remaining-usd; at least 0.
void append_remaining(std::string& out, Money left);

// Is it a field of the provider's that would contradict `notes`?
bool is_replaced_by(std::string_view notes, std::string_view field);

// "12ms", "1s", "6m0s": how OpenAI writes the time until a limit is whole again.
std::string short_duration(std::chrono::nanoseconds time);

}  // namespace farebox
