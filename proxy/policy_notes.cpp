#include "proxy/policy_notes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/base/clock.hpp"
#include "proxy/http/head.hpp"

namespace farebox {
namespace {

constexpr std::string_view kOpenAi = "x-ratelimit-";
constexpr std::string_view kAnthropic = "anthropic-ratelimit-";

void append_openai(std::string& out, std::string_view what, const RateStanding& standing) {
  fmt::format_to(std::back_inserter(out),
                 "x-ratelimit-limit-{0}: {1}\r\nx-ratelimit-remaining-{0}: {2}\r\n"
                 "x-ratelimit-reset-{0}: {3}\r\n",
                 what, standing.limit, standing.remaining, short_duration(standing.reset));
}

void append_anthropic(std::string& out, std::string_view what, const RateStanding& standing,
                      WallTime now) {
  using std::chrono::seconds;
  const WallTime reset = std::chrono::ceil<seconds>(now + std::min<std::chrono::nanoseconds>(
                                                              standing.reset, seconds(86'400)));
  fmt::format_to(std::back_inserter(out),
                 "anthropic-ratelimit-{0}-limit: {1}\r\nanthropic-ratelimit-{0}-remaining: {2}\r\n"
                 "anthropic-ratelimit-{0}-reset: {3}\r\n",
                 what, standing.limit, standing.remaining, rfc3339(reset));
}

}  // namespace

std::string short_duration(std::chrono::nanoseconds time) {
  using namespace std::chrono;
  const auto whole = ceil<milliseconds>(time);
  if (whole < 1s) return fmt::format("{}ms", whole.count());
  const auto in_seconds = ceil<seconds>(whole).count();
  const auto hours = in_seconds / 3'600, minutes = in_seconds / 60 % 60, rest = in_seconds % 60;
  if (hours != 0) return fmt::format("{}h{}m{}s", hours, minutes, rest);
  if (minutes != 0) return fmt::format("{}m{}s", minutes, rest);
  return fmt::format("{}s", rest);
}

void append_limits(std::string& out, DialectName dialect, const LimitDecision& decision,
                   WallTime now) {
  const bool anthropic = dialect == DialectName::anthropic;
  const auto append = [&](std::string_view what, const std::optional<RateStanding>& standing) {
    if (!standing) return;
    if (anthropic) append_anthropic(out, what, *standing, now);
    else append_openai(out, what, *standing);
  };
  append("requests", decision.requests);
  append("tokens", decision.tokens);
}

void append_remaining(std::string& out, Money left) {
  out += "x-farebox-budget-remaining-usd: ";
  out += std::max(left, Money()).decimal();
  out += "\r\n";
}

void append_warning(std::string& out, const BudgetDecision& decision) {
  if (decision.status == BudgetStatus::ok || decision.worst.empty()) return;
  fmt::format_to(std::back_inserter(out), "x-farebox-budget-warning: {} {}\r\n",
                 decision.worst, name_of(decision.status));
}

bool is_replaced_by(std::string_view notes, std::string_view field) {
  for (const std::string_view prefix : {kOpenAi, kAnthropic}) {
    if (field.size() > prefix.size() &&
        http::equals_ignoring_case(field.substr(0, prefix.size()), prefix)) {
      return notes.find(prefix) != std::string_view::npos;
    }
  }
  return false;
}

}  // namespace farebox
