#include "policy/provider_limits.hpp"

#include <algorithm>
#include <charconv>

#include "config/calendar_time.hpp"
#include "policy/http_date.hpp"

namespace farebox {
namespace {

using std::chrono::nanoseconds;
constexpr nanoseconds kMost = kLongestWait;

// What a provider counts, as its headers call it.
struct Kind {
  std::string_view name;
  bool requests = false;            // else tokens, images ...
  std::chrono::seconds span{0};     // of a fixed window that no header tells; 0: a header does
};
constexpr std::array<Kind, 9> kKindRows{{
    {"requests", true, {}},
    {"tokens", false, {}},
    {"input-tokens", false, {}},
    {"output-tokens", false, {}},
    {"project-requests", true, {}},
    {"project-tokens", false, {}},
    {"req-minute", true, std::chrono::seconds(60)},
    {"req-10-second", true, std::chrono::seconds(10)},
    {"tokens-minute", false, std::chrono::seconds(60)},
}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!same_name(text.substr(0, prefix.size()), prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size() || !same_name(text.substr(text.size() - suffix.size()), suffix)) {
    return false;
  }
  text.remove_suffix(suffix.size());
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits, perhaps a point and more digits, from the front of `text`: in units of `unit`, cut at
// kMost. Nothing: there is no number.
std::optional<nanoseconds> take_number(std::string_view& text, nanoseconds unit) {
  const auto most = static_cast<std::uint64_t>(kMost.count());
  const auto per_unit = static_cast<std::uint64_t>(unit.count());
  std::uint64_t whole = 0;
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    whole = std::min(whole * 10 + static_cast<std::uint64_t>(text[at] - '0'), most);
  }
  if (at == 0) return std::nullopt;
  std::uint64_t sum = whole > most / per_unit ? most : whole * per_unit;
  if (at < text.size() && text[at] == '.') {
    const std::size_t point = at;
    std::uint64_t part = per_unit;
    for (++at; at < text.size() && is_digit(text[at]); ++at) {
      part /= 10;
      sum += part * static_cast<std::uint64_t>(text[at] - '0');
    }
    if (at == point + 1) return std::nullopt;
  }
  text.remove_prefix(at);
  return nanoseconds(static_cast<std::int64_t>(std::min(sum, most)));
}

// Go's time.Duration: numbers, each with its unit.
std::optional<nanoseconds> parse_go_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    nanoseconds length;
  };
  constexpr std::array<Unit, 6> kUnits{{{"ms", std::chrono::milliseconds(1)},
                                        {"us", std::chrono::microseconds(1)},
                                        {"ns", nanoseconds(1)},
                                        {"h", std::chrono::hours(1)},
                                        {"m", std::chrono::minutes(1)},
                                        {"s", std::chrono::seconds(1)}}};
  if (text.empty() || text.size() > 64) return std::nullopt;
  nanoseconds sum{0};
  while (!text.empty()) {
    std::string_view after = text;
    while (!after.empty() && (is_digit(after.front()) || after.front() == '.')) {
      after.remove_prefix(1);
    }
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                   [&](const Unit& one) { return after.starts_with(one.name); });
    if (unit == kUnits.end()) return std::nullopt;
    const auto value = take_number(text, unit->length);
    if (!value || text.size() != after.size()) return std::nullopt;
    text.remove_prefix(unit->name.size());
    sum = std::min(sum + *value, kMost);
  }
  return sum;
}

nanoseconds until(WallTime moment, WallTime now) {
  if (moment <= now) return nanoseconds(0);
  if (moment - now >= kLongestWait) return kMost;  // in nanoseconds some centuries are too many
  return moment - now;
}

std::optional<nanoseconds> parse_seconds(std::string_view text) {
  const auto value = take_number(text, std::chrono::seconds(1));
  return value && text.empty() ? value : std::nullopt;
}

std::optional<std::uint64_t> parse_whole(std::string_view text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || read.ptr != text.data() + text.size()) return std::nullopt;
  return read.ec == std::errc::result_out_of_range ? ~std::uint64_t{0} : value;
}

}  // namespace

std::optional<nanoseconds> parse_reset(std::string_view text, WallTime now) {
  // A bare number: seconds, or since 1970 the seconds (10 digits) or milliseconds (13).
  constexpr std::uint64_t kMomentSeconds = 1'000'000'000;
  constexpr std::uint64_t kMomentMilliseconds = 1'000'000'000'000;
  if (const auto whole = parse_whole(text); whole && *whole >= kMomentSeconds) {
    if (*whole >= kMomentMilliseconds * 10) return kMost;
    const auto milliseconds = *whole >= kMomentMilliseconds ? *whole : *whole * 1'000;
    return until(WallTime(std::chrono::milliseconds(milliseconds)), now);
  }
  if (const auto seconds = parse_seconds(text)) return seconds;
  if (const auto duration = parse_go_duration(text)) return duration;
  if (const auto moment = calendar_time(text)) return until(*moment, now);
  return std::nullopt;
}

std::optional<nanoseconds> parse_retry_after(std::string_view text, WallTime now) {
  if (const auto seconds = parse_seconds(text)) return seconds;
  if (const auto moment = parse_http_date(text, now)) return until(*moment, now);
  return std::nullopt;
}

void ProviderLimits::read(std::string_view name, std::string_view value) {
  if (name.size() < 11) return;  // "retry-after"
  value = trimmed(value);
  switch (lower(name.front())) {
    case 'r':
      if (same_name(name, "retry-after")) retry_after_ = parse_retry_after(value, now_);
      if (same_name(name, "retry-after-ms")) {
        std::string_view rest = value;
        const auto wait = take_number(rest, std::chrono::milliseconds(1));
        if (wait && rest.empty()) retry_after_ms_ = wait;
      }
      return;
    case 'x':
      if (same_name(name, "x-should-retry")) {
        if (same_name(value, "true")) should_retry_ = true;
        if (same_name(value, "false")) should_retry_ = false;
        return;
      }
      if (!take_prefix(name, "x-ratelimit-")) return;
      if (take_prefix(name, "limit-")) return read_part(name, Part::limit, value);
      if (take_prefix(name, "remaining-")) return read_part(name, Part::remaining, value);
      if (take_prefix(name, "reset-")) return read_part(name, Part::reset, value);
      // OpenRouter counts requests and doesn't say so.
      if (same_name(name, "limit")) return read_part("requests", Part::limit, value);
      if (same_name(name, "remaining")) return read_part("requests", Part::remaining, value);
      if (same_name(name, "reset")) return read_part("requests", Part::reset, value);
      return;
    case 'a':
      if (!take_prefix(name, "anthropic-ratelimit-")) return;
      if (take_suffix(name, "-limit")) return read_part(name, Part::limit, value);
      if (take_suffix(name, "-remaining")) return read_part(name, Part::remaining, value);
      if (take_suffix(name, "-reset")) return read_part(name, Part::reset, value);
      return;
    default: return;
  }
}

void ProviderLimits::read_part(std::string_view kind, Part part, std::string_view value) {
  static_assert(kKindRows.size() == kKinds);
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (!same_name(kind, kKindRows[i].name)) continue;
    Standing& standing = standings_[i];
    switch (part) {
      case Part::limit: standing.limit = parse_whole(value); break;
      case Part::remaining: standing.remaining = parse_whole(value); break;
      case Part::reset: standing.reset = parse_reset(value, now_); break;
    }
    return;
  }
}

std::optional<nanoseconds> ProviderLimits::retry_after() const {
  return retry_after_ms_ ? retry_after_ms_ : retry_after_;
}

std::optional<ProviderLimits::UsedUp> ProviderLimits::used_up() const {
  constexpr nanoseconds kUnsaid = std::chrono::seconds(1);
  std::optional<UsedUp> longest;
  for (std::size_t i = 0; i < kKinds; ++i) {
    const Standing& standing = standings_[i];
    if (standing.remaining != 0u) continue;
    const Kind& kind = kKindRows[i];
    UsedUp found;
    if (standing.reset) {
      found.whole = *standing.reset;
      const std::uint64_t requests = std::max<std::uint64_t>(standing.limit.value_or(1), 1);
      const std::uint64_t calls = kind.requests ? requests : 8;
      found.next = nanoseconds(static_cast<std::int64_t>(
          static_cast<std::uint64_t>(found.whole.count()) / calls));
    } else if (kind.span.count() != 0) {
      found.whole = found.next = kind.span;
    } else {
      found.whole = found.next = kUnsaid;
    }
    if (!longest) longest.emplace();
    longest->whole = std::max(longest->whole, found.whole);
    longest->next = std::max(longest->next, found.next);
  }
  return longest;
}

bool ProviderLimits::some_left() const {
  bool counted = false;
  for (const Standing& standing : standings_) {
    if (standing.remaining == 0u) return false;
    counted = counted || standing.remaining;
  }
  return counted;
}

}  // namespace farebox
