#include "policy/alert_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace farebox {
namespace {

constexpr Int128 kDollar = Money::kPicodollarsPerDollar;
constexpr std::chrono::hours kForesight{24 * 365};

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

// Rounded down to a tenth, so that 100 % is all of it.
std::string percent_text(Money part, Money whole) {
  if (whole <= Money()) return "100 %";
  const auto tenths = static_cast<std::uint64_t>(part.picodollars() * 1'000 / whole.picodollars());
  return fmt::format("{}.{} %", tenths / 10, tenths % 10);
}

std::string_view adverb(BudgetPeriod period) {
  switch (period) {
    case BudgetPeriod::daily: return "daily ";
    case BudgetPeriod::weekly: return "weekly ";
    case BudgetPeriod::monthly: return "monthly ";
    case BudgetPeriod::yearly: return "yearly ";
    case BudgetPeriod::total: return "";
  }
  return "";
}

std::string in_brackets(std::string_view scope) {
  return scope.empty() ? std::string() : fmt::format(" ({})", scope);
}

std::string name_text(const BudgetSight& sight) { return sight.name + in_brackets(text_of(sight.scope)); }

std::string span_text(WallTime::duration span) {
  using namespace std::chrono;
  const auto rounded = [&](auto unit) {
    return duration_cast<decltype(unit)>(span + duration_cast<microseconds>(unit) / 2).count();
  };
  const auto say = [](auto count, const char* unit) {
    return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
  };
  if (span < minutes(90)) return say(std::max<std::int64_t>(1, rounded(minutes(1))), "minute");
  if (span < hours(48)) return say(rounded(hours(1)), "hour");
  return say(rounded(hours(24)), "day");
}

std::string spent_text(const BudgetSight& sight) {
  std::string text = fmt::format("{} of {} is spent", usd_text(sight.spent), usd_text(sight.limit));
  if (sight.token_limit) {
    text += fmt::format(", and {} of {} tokens", with_commas(sight.spent_tokens),
                        with_commas(*sight.token_limit));
  }
  if (sight.period != BudgetPeriod::total) text += " since " + minute_text(sight.window.start);
  return text + ".";
}

std::string rate_text(const BudgetSight& sight, const SpendRate& rate, WallTime now) {
  const Money hourly = rate.an_hour();
  if (hourly <= Money()) return {};
  std::string text = fmt::format(" The last {} cost {} an hour", span_text(rate.over), usd_text(hourly));
  if (sight.spent >= sight.limit) return text + ".";
  const auto gone = gone_at(sight, rate, now);
  if (!gone) return text + ": at that rate it lasts for more than a year.";
  if (*gone >= sight.window.end) return text + ": at that rate it lasts until its period ends.";
  return text + fmt::format(": at that rate it is gone in about {}, at {}.", span_text(*gone - now),
                            minute_text(*gone));
}

std::string effect_text(OnExceeded action, bool spent) {
  switch (action) {
    case OnExceeded::block:
      return spent ? " Calls that it can't pay for are refused" : " Then calls are refused";
    case OnExceeded::audit:
      return spent ? " Calls go on, it only watches" : " Then calls go on, it only watches";
    case OnExceeded::downgrade:
      return spent ? " Calls use the cheaper model" : " Then calls use the cheaper model";
    case OnExceeded::throttle:
      return spent ? " Only some calls are let through" : " Then only some calls are let through";
  }
  return {};
}

std::string remedy_text(const BudgetSight& sight, const BudgetStory& story) {
  // A fifth more, in whole cents.
  const Int128 cents = std::max<Int128>(sight.limit.picodollars() / 5 / (kDollar / 100), 1);
  const std::string fifth = Money::picodollars(cents * (kDollar / 100)).decimal();
  return fmt::format(" To go on: farebox budgets top-up '{}' --usd {}, or raise its {}.", story.id,
                     fifth, story.in_config ? "limit_usd in the configuration and reload"
                                            : "limit with farebox budgets set");
}

}  // namespace

Money SpendRate::an_hour() const {
  if (over.count() <= 0) return Money();
  return Money::picodollars(spent.picodollars() * 3'600 / over.count());
}

std::optional<WallTime> gone_at(const BudgetSight& sight, const SpendRate& rate, WallTime now) {
  const Money left = sight.limit - sight.spent;
  if (left <= Money()) return now;
  if (rate.spent <= Money() || rate.over.count() <= 0) return std::nullopt;
  // The seconds until it is gone, in steps that can't overflow: amounts are below 1e26 dollars.
  const Int128 seconds = left.picodollars() / std::max<Int128>(rate.spent.picodollars() / rate.over.count(), 1);
  if (seconds >= std::chrono::seconds(kForesight).count()) return std::nullopt;
  return now + std::chrono::seconds(static_cast<std::int64_t>(seconds));
}

AlertWords budget_words(AlertKind kind, const BudgetSight& sight, const BudgetStory& story,
                        WallTime now) {
  AlertWords words;
  const std::string name = name_text(sight);
  const bool spent = kind == AlertKind::budget_exceeded;
  // Of tokens the money says nothing.
  const bool by_tokens = sight.token_limit && *sight.token_limit != 0 &&
                         UInt128(sight.spent_tokens) * 1'000'000 / *sight.token_limit >
                             UInt128(sight.limit > Money() ? sight.spent.picodollars() * 1'000'000 /
                                                                 sight.limit.picodollars()
                                                           : 0);
  const std::string percent =
      by_tokens ? fmt::format("{} % of its tokens", sight.spent_tokens * 100 / *sight.token_limit)
                : fmt::format("{} of {}", percent_text(sight.spent, sight.limit), usd_text(sight.limit));
  switch (kind) {
    case AlertKind::budget_exceeded:
      words.title = fmt::format("Budget {} is used up", name);
      words.text = fmt::format("The {}budget {} is at its limit: {}", adverb(sight.period), name,
                               spent_text(sight));
      break;
    case AlertKind::budget_forecast:
      words.title = fmt::format("Budget {} is forecast to exceed {}", name, usd_text(sight.limit));
      words.text = fmt::format("The {}budget {} will not last: {}", adverb(sight.period), name,
                               spent_text(sight));
      break;
    default:
      words.title = fmt::format("Budget {} is at {}", name, percent);
      words.text = fmt::format("The {}budget {} is at {}: {}", adverb(sight.period), name, percent,
                               spent_text(sight));
  }
  if (story.forecast) {
    words.text += fmt::format(" By the end of its period {} are foreseen ({} to {})",
                              usd_text(story.forecast->projected), usd_text(story.forecast->low),
                              usd_text(story.forecast->high));
    if (story.forecast->gone) {
      words.text += fmt::format("; it will be gone at {}", minute_text(*story.forecast->gone));
    }
    words.text += ".";
  }
  if (story.rate) words.text += rate_text(sight, *story.rate, now);
  words.text += effect_text(story.on_exceeded, spent);
  words.text += sight.period == BudgetPeriod::total
                    ? "."
                    : fmt::format(" until it begins anew at {}.", minute_text(sight.window.end));
  words.text += remedy_text(sight, story);
  return words;
}

AlertWords other_words(AlertKind kind, std::string_view subject, std::string_view scope,
                       std::string_view detail) {
  switch (kind) {
    case AlertKind::rate_limited:
      return {fmt::format("Rate limit {}{} is saturated", subject, in_brackets(scope)),
              fmt::format("The rate limit {}{} refuses calls. Callers wait and repeat them; raise "
                          "the limit under rate_limits and reload if that isn't meant. It is told "
                          "again once nobody was refused for ten minutes.", subject,
                          in_brackets(scope))};
    case AlertKind::model_unpriced:
      return {fmt::format("Model {} has no price", subject),
              fmt::format("Calls to the model {} can't be charged: no price of it is known. What "
                          "they cost is missing from usage, and budgets refuse them. Add it under "
                          "prices.overrides and reload, or update farebox.", subject)};
    case AlertKind::breaker_open:
      return {fmt::format("Provider {} is left alone", subject),
              fmt::format("The circuit breaker of provider {} is open: it failed too often. Calls "
                          "to it are refused until it answers again.{}{}", subject,
                          detail.empty() ? "" : " ", detail)};
    case AlertKind::ledger_failed:
      return {"The ledger can't be written",
              fmt::format("farebox can't write its ledger: {}. Calls under budgets are refused "
                          "until it can, unless ledger.on_store_failure is allow. Look at the disk "
                          "that data_dir is on.", detail.empty() ? "the store failed" : detail)};
    case AlertKind::ledger_recovered:
      return {"The ledger can be written again",
              "farebox can write its ledger again; calls are served as before."};
    default:
      return {"A test of farebox's alerts",
              fmt::format("This is a test: alerts of this farebox arrive here.{}{}",
                          detail.empty() ? "" : " ", detail)};
  }
}

std::string usd_text(Money amount) {
  if (amount < Money()) return "-" + usd_text(Money() - amount);
  const Int128 pico = amount.picodollars();
  if (pico == 0 || pico >= kDollar) {
    const auto cents = (pico + kDollar / 200) / (kDollar / 100);
    return fmt::format("${}.{:02}", with_commas(static_cast<std::uint64_t>(cents / 100)),
                       static_cast<unsigned>(cents % 100));
  }
  // Four decimals, or as many as show something.
  Int128 unit = kDollar / 10'000;
  int decimals = 4;
  while (pico < unit && unit > 1) unit /= 10, ++decimals;
  const auto units = static_cast<std::uint64_t>((pico + unit / 2) / unit);
  Int128 one = kDollar / unit;
  if (units >= static_cast<std::uint64_t>(one)) return "$1.00";
  return fmt::format("$0.{:0{}}", units, decimals);
}

std::string minute_text(WallTime time) {
  if (time == WallTime::max()) return "never";
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(time - day).count();
  return fmt::format("{} {} {:02}:{:02} UTC", kMonths[(unsigned(date.month()) + 11) % 12],
                     unsigned(date.day()), minutes / 60, minutes % 60);
}

}  // namespace farebox
