#include "proxy/policy_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "config/base/clock.hpp"
#include "proxy/http/head.hpp"

namespace farebox {
namespace {

constexpr std::string_view kOpenAi = "x-ratelimit-";
constexpr std::string_view kAnthropic = "anthropic-ratelimit-";

// One header line. Written for every governed call, so without a format string.
void append_line(std::string& out, std::initializer_list<std::string_view> pieces) {
  for (const std::string_view piece : pieces) out += piece;
  out += "\r\n";
}

struct Digits {
  explicit Digits(std::uint64_t number)
      : end(std::to_chars(text, text + sizeof text, number).ptr) {}
  std::string_view view() const { return {text, static_cast<std::size_t>(end - text)}; }
  char text[20];
  char* end;
};

void append_openai(std::string& out, std::string_view what, const RateStanding& standing) {
  append_line(out, {"x-ratelimit-limit-", what, ": ", Digits(standing.limit).view()});
  append_line(out, {"x-ratelimit-remaining-", what, ": ", Digits(standing.remaining).view()});
  append_line(out, {"x-ratelimit-reset-", what, ": ", short_duration(standing.reset)});
}

void append_anthropic(std::string& out, std::string_view what, const RateStanding& standing,
                      WallTime now) {
  using std::chrono::seconds;
  const WallTime reset = std::chrono::ceil<seconds>(now + std::min<std::chrono::nanoseconds>(
                                                              standing.reset, seconds(86'400)));
  constexpr std::string_view kName = "anthropic-ratelimit-";
  append_line(out, {kName, what, "-limit: ", Digits(standing.limit).view()});
  append_line(out, {kName, what, "-remaining: ", Digits(standing.remaining).view()});
  append_line(out, {kName, what, "-reset: ", rfc3339(reset)});
}

}  // namespace

std::string short_duration(std::chrono::nanoseconds time) {
  using namespace std::chrono;
  const auto whole = ceil<milliseconds>(time);
  if (whole < 1s) return std::string(Digits(static_cast<std::uint64_t>(whole.count())).view()) + "ms";
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
  if (!decision.requests && !decision.tokens) return;
  out.reserve(out.size() + 320);  // six lines, grown once
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
