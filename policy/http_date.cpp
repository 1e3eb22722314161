#include "policy/http_date.hpp"

#include <array>
#include <charconv>

namespace farebox {
namespace {

// Takes a date apart from left to right; once something is missing it stays broken.
class DateText {
 public:
  explicit DateText(std::string_view text) : left_(text) {}

  bool ok() const { return ok_ && left_.empty(); }

  void expect(std::string_view words) {
    if (!left_.starts_with(words)) return fail();
    left_.remove_prefix(words.size());
  }

  unsigned number(std::size_t digits) {
    unsigned value = 0;
    const char* const end = left_.data() + std::min(digits, left_.size());
    const auto read = std::from_chars(left_.data(), end, value);
    if (left_.size() < digits || read.ec != std::errc() || read.ptr != end) fail();
    left_.remove_prefix(std::min(digits, left_.size()));
    return value;
  }

  std::chrono::month month() {
    constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned i = 0; i < kMonths.size(); ++i) {
      if (!left_.starts_with(kMonths[i])) continue;
      left_.remove_prefix(3);
      return std::chrono::month(i + 1);
    }
    fail();
    return std::chrono::January;
  }

  std::chrono::seconds time_of_day() {
    const unsigned hour = number(2);
    expect(":");
    const unsigned minute = number(2);
    expect(":");
    const unsigned second = number(2);
    if (hour > 23 || minute > 59 || second > 60) fail();
    return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  }

  std::string_view left() const { return left_; }

 private:
  void fail() { ok_ = false; }

  std::string_view left_;
  bool ok_ = true;
};

std::optional<WallTime> moment(const DateText& text, std::chrono::year_month_day date,
                               std::chrono::seconds time) {
  if (!text.ok() || !date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + time;
}

std::chrono::year full_year(unsigned two_digits, WallTime now) {
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
  const int this_year = static_cast<int>(today.year());
  int year = this_year - this_year % 100 + static_cast<int>(two_digits);
  if (year > this_year + 50) year -= 100;
  return std::chrono::year(year);
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text, WallTime now) {
  // day-name or day-name-l; each of seven, and none of them matters.
  const std::size_t name_end = text.find_first_of(", ");
  if (name_end == std::string_view::npos || name_end < 3 || name_end > 9) return std::nullopt;
  if (text[name_end] == ' ') {
    DateText rest(text.substr(name_end + 1));
    const std::chrono::month month = rest.month();
    rest.expect(" ");
    const bool one_digit = rest.left().starts_with(' ');
    if (one_digit) rest.expect(" ");
    const unsigned day = rest.number(one_digit ? 1 : 2);
    rest.expect(" ");
    const std::chrono::seconds time = rest.time_of_day();
    rest.expect(" ");
    const std::chrono::year year(static_cast<int>(rest.number(4)));
    return moment(rest, year / month / static_cast<int>(day), time);
  }
  DateText rest(text.substr(name_end));
  rest.expect(", ");
  const unsigned day = rest.number(2);
  const bool rfc850 = rest.left().starts_with('-');
  const std::string_view between = rfc850 ? "-" : " ";
  rest.expect(between);
  const std::chrono::month month = rest.month();
  rest.expect(between);
  const unsigned said_year = rest.number(rfc850 ? 2 : 4);
  rest.expect(" ");
  const std::chrono::seconds time = rest.time_of_day();
  rest.expect(" GMT");
  const std::chrono::year year =
      rfc850 ? full_year(said_year, now) : std::chrono::year(static_cast<int>(said_year));
  return moment(rest, year / month / static_cast<int>(day), time);
}

}  // namespace farebox
