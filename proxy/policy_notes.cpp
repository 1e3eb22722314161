#include "proxy/policy_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "config/base/clock.hpp"
#include "proxy/http/head.hpp"

namespace farebox {
namespace {

constexpr std::size_t kNotes = 480;  // octets that most calls are told: room for them at once
constexpr std::string_view kOpenAi = "x-ratelimit-";
constexpr std::string_view kAnthropic = "anthropic-ratelimit-";

// Header lines on the stack, put behind others at once: they are written for every governed call.
class Lines {
 public:
  // Precondition: there is room; the longest are six lines of some 60 octets.
  Lines& text(std::string_view piece) {
    CHECK(piece.size() <= static_cast<std::size_t>(octets_ + sizeof octets_ - end_));
    std::memcpy(end_, piece.data(), piece.size());
    end_ += piece.size();
    return *this;
  }
  Lines& number(std::uint64_t number) {
    const auto written = std::to_chars(end_, octets_ + sizeof octets_, number);
    CHECK(written.ec == std::errc());
    end_ = written.ptr;
    return *this;
  }
  void append_to(std::string& out) const { out.append(octets_, static_cast<std::size_t>(end_ - octets_)); }

 private:
  char octets_[1024];
  char* end_ = octets_;
};

void add_duration(Lines& lines, std::chrono::nanoseconds time) {
  using namespace std::chrono;
  const auto whole = ceil<milliseconds>(time);
  const auto count = [](auto number) { return static_cast<std::uint64_t>(number); };
  if (whole < 1s) {
    lines.number(count(whole.count())).text("ms");
    return;
  }
  const auto all = ceil<seconds>(whole).count();
  const auto hours = all / 3'600, minutes = all / 60 % 60;
  if (hours != 0) lines.number(count(hours)).text("h");
  if (hours != 0 || minutes != 0) lines.number(count(minutes)).text("m");
  lines.number(count(all % 60)).text("s");
}

// What a line says before its value, behind the end of the line above.
struct OpenAiNames {
  std::string_view limit, remaining, reset;
};
constexpr OpenAiNames kRequestNames{"x-ratelimit-limit-requests: ",
                                    "\r\nx-ratelimit-remaining-requests: ",
                                    "\r\nx-ratelimit-reset-requests: "};
constexpr OpenAiNames kTokenNames{"x-ratelimit-limit-tokens: ",
                                  "\r\nx-ratelimit-remaining-tokens: ",
                                  "\r\nx-ratelimit-reset-tokens: "};

void add_openai(Lines& lines, const OpenAiNames& names, const RateStanding& standing) {
  lines.text(names.limit).number(standing.limit);
  lines.text(names.remaining).number(standing.remaining).text(names.reset);
  add_duration(lines, standing.reset);
  lines.text("\r\n");
}

void add_anthropic(Lines& lines, std::string_view what, const RateStanding& standing,
                   WallTime now) {
  using std::chrono::seconds;
  const WallTime reset = std::chrono::ceil<seconds>(now + std::min<std::chrono::nanoseconds>(
                                                              standing.reset, seconds(86'400)));
  constexpr std::string_view kName = "anthropic-ratelimit-";
  lines.text(kName).text(what).text("-limit: ").number(standing.limit).text("\r\n");
  lines.text(kName).text(what).text("-remaining: ").number(standing.remaining).text("\r\n");
  lines.text(kName).text(what).text("-reset: ").text(rfc3339(reset)).text("\r\n");
}

}  // namespace

std::string short_duration(std::chrono::nanoseconds time) {
  Lines words;
  add_duration(words, time);
  std::string out;
  words.append_to(out);
  return out;
}

void append_limits(std::string& out, DialectName dialect, const LimitDecision& decision,
                   WallTime now) {
  if (!decision.requests && !decision.tokens) return;
  const bool anthropic = dialect == DialectName::anthropic;
  Lines lines;
  const auto append = [&](std::string_view what, const OpenAiNames& names,
                          const std::optional<RateStanding>& standing) {
    if (!standing) return;
    if (anthropic) add_anthropic(lines, what, *standing, now);
    else add_openai(lines, names, *standing);
  };
  append("requests", kRequestNames, decision.requests);
  append("tokens", kTokenNames, decision.tokens);
  if (out.empty()) out.reserve(kNotes);
  lines.append_to(out);
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
