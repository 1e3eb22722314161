// budgets and rate_limits: how much of it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "config/load_sections.hpp"
#include "config/suggest.hpp"
#include "config/text_rules.hpp"

namespace farebox {

namespace {

constexpr std::array<Choice<BudgetPeriod>, 5> kPeriods{{{"daily", BudgetPeriod::daily},
                                                        {"weekly", BudgetPeriod::weekly},
                                                        {"monthly", BudgetPeriod::monthly},
                                                        {"yearly", BudgetPeriod::yearly},
                                                        {"total", BudgetPeriod::total}}};

constexpr std::array<Choice<OnExceeded>, 4> kOnExceeded{{{"block", OnExceeded::block},
                                                         {"audit", OnExceeded::audit},
                                                         {"downgrade", OnExceeded::downgrade},
                                                         {"throttle", OnExceeded::throttle}}};

constexpr Count kRate{1, 1'000'000'000'000};
constexpr Count kTokenLimit{1, 1'000'000'000'000'000};

constexpr std::array<Choice<std::uint32_t>, 7> kWeekdays{
    {{"sunday", 0u}, {"monday", 1u}, {"tuesday", 2u}, {"wednesday", 3u}, {"thursday", 4u},
     {"friday", 5u}, {"saturday", 6u}}};

constexpr std::array<Choice<std::uint32_t>, 12> kMonths{
    {{"january", 1u}, {"february", 2u}, {"march", 3u}, {"april", 4u}, {"may", 5u}, {"june", 6u},
     {"july", 7u}, {"august", 8u}, {"september", 9u}, {"october", 10u}, {"november", 11u},
     {"december", 12u}}};

void read_scope(MapReader& keys, const Settings& settings, ScopeSettings& scope) {
  static constexpr std::array<std::string_view, 7> kDimensions{
      "org", "project", "user", "key", "model", "provider", "tag.<name>"};
  keys.map("scope", [&](MapReader& dimensions) {
    dimensions.each([&](const std::string& dimension, const ValueReader& value) {
      const bool is_tag = dimension.starts_with("tag.") && is_tag_name(dimension.substr(4));
      const bool known = dimension != kDimensions.back() &&
                         std::find(kDimensions.begin(), kDimensions.end(), dimension) !=
                             kDimensions.end();
      if (!known && !is_tag) {
        return value.refuse_unseen(fmt::format("is not a dimension of a scope; {}",
                                               did_you_mean(dimension, kDimensions)));
      }
      value.into(scope[dimension], [&](std::string_view text) -> Result<void> {
        if (dimension == "provider" && text != "*") return check_known_provider(text, settings);
        if (text != "*" && text.find('*') != text.npos) {
          return Error(ErrorCode::invalid_config, "a scope knows no patterns; name one value, or "
                                                  "write \"*\" for each by itself");
        }
        return name_text(text);
      });
    });
  });
}

// The system's list is only asked when it is there; small containers have none.
Result<void> time_zone(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '+' || c == '/';
  };
  const std::filesystem::path zones = "/usr/share/zoneinfo";
  std::error_code ignored;
  const bool plausible = !name.empty() && name.size() <= 64 && !name.starts_with('/') &&
                         std::all_of(name.begin(), name.end(), allowed);
  if (!plausible || (name != "UTC" && std::filesystem::is_directory(zones, ignored) &&
                     !std::filesystem::is_regular_file(zones / name, ignored))) {
    return Error(ErrorCode::invalid_config, "it is not the name of a time zone; write it like UTC or Europe/Berlin");
  }
  return {};
}

void check_action(MapReader& keys, const BudgetSettings& budget) {
  const bool downgrades = budget.on_exceeded == OnExceeded::downgrade;
  if (downgrades && budget.downgrade_to.empty() && !keys.is_broken("downgrade_to")) {
    keys.refuse("on_exceeded", "is downgrade, but no model to use instead is given; add "
                               "downgrade_to: and the name of a cheaper model");
  }
  if (!downgrades && keys.has("downgrade_to")) {
    keys.refuse("downgrade_to", "is only used with on_exceeded: downgrade; write that, or remove it");
  }
  if (budget.on_exceeded != OnExceeded::throttle && keys.has("throttle_requests_per_minute")) {
    keys.refuse("throttle_requests_per_minute",
                "is only used with on_exceeded: throttle; write that, or remove it");
  }
}

void read_budget(MapReader& keys, const Settings& settings, BudgetSettings& budget) {
  keys.require("name", "name: and a name that metrics may show");
  keys.read("name", budget.name, name_text);
  read_scope(keys, settings, budget.scope);
  keys.read("period", budget.period, kPeriods);
  keys.require("limit_usd", "limit_usd: 500");
  keys.read("limit_usd", budget.limit);
  keys.millionths("warning_threshold", budget.warning_threshold_millionths);
  keys.millionths("critical_threshold", budget.critical_threshold_millionths);
  keys.read("time_zone", budget.time_zone, time_zone);
  keys.read("week_starts", budget.week_starts, kWeekdays);
  keys.read("year_starts", budget.year_starts, kMonths);
  keys.read("rollover", budget.rollover);
  keys.read("alerts_enabled", budget.alerts_enabled);
  keys.read("limit_tokens", budget.limit_tokens, kTokenLimit);
  keys.read("on_exceeded", budget.on_exceeded, kOnExceeded);
  keys.read("downgrade_to", budget.downgrade_to, name_text);
  keys.read("throttle_requests_per_minute", budget.throttle_requests_per_minute, kRate);
  check_action(keys, budget);
  if (budget.warning_threshold_millionths > budget.critical_threshold_millionths) {
    keys.refuse(keys.has("warning_threshold") ? "warning_threshold" : "critical_threshold",
                "would warn only after the budget is critical already; keep warning_threshold (0.8 "
                "when not given) at or below critical_threshold (0.95 when not given)");
  }
}

struct RateName {
  std::string_view key;
  RateKind kind;
  std::chrono::seconds span;
};

constexpr RateName kRateNames[] = {
    {"requests_per_second", RateKind::requests, std::chrono::seconds(1)},
    {"tokens_per_second", RateKind::tokens, std::chrono::seconds(1)},
    {"input_tokens_per_second", RateKind::input_tokens, std::chrono::seconds(1)},
    {"output_tokens_per_second", RateKind::output_tokens, std::chrono::seconds(1)},
    {"requests_per_minute", RateKind::requests, std::chrono::minutes(1)},
    {"tokens_per_minute", RateKind::tokens, std::chrono::minutes(1)},
    {"input_tokens_per_minute", RateKind::input_tokens, std::chrono::minutes(1)},
    {"output_tokens_per_minute", RateKind::output_tokens, std::chrono::minutes(1)},
    {"requests_per_hour", RateKind::requests, std::chrono::hours(1)},
    {"tokens_per_hour", RateKind::tokens, std::chrono::hours(1)},
    {"input_tokens_per_hour", RateKind::input_tokens, std::chrono::hours(1)},
    {"output_tokens_per_hour", RateKind::output_tokens, std::chrono::hours(1)},
    {"requests_per_day", RateKind::requests, std::chrono::hours(24)},
    {"tokens_per_day", RateKind::tokens, std::chrono::hours(24)},
    {"input_tokens_per_day", RateKind::input_tokens, std::chrono::hours(24)},
    {"output_tokens_per_day", RateKind::output_tokens, std::chrono::hours(24)},
};

void read_rates(MapReader& keys, std::vector<Rate>& rates) {
  for (const RateName& name : kRateNames) {
    const auto value = keys.find(name.key);
    if (!value) continue;
    Rate& rate = rates.emplace_back(Rate{name.kind, 1, name.span});
    value->into(rate.amount, kRate);
  }
}

void read_rate_limit(MapReader& keys, const Settings& settings, RateLimitSettings& limit) {
  keys.read("name", limit.name, name_text);
  read_scope(keys, settings, limit.scope);
  read_rates(keys, limit.rates);
  keys.read("max_parallel_requests", limit.max_parallel_requests, Count{1, 1'000'000});
  if (limit.rates.empty() && !keys.has("max_parallel_requests")) {
    keys.context().problems.error(
        keys.place(), fmt::format("{} limits nothing, it has no number; add requests_per_minute, "
                                  "tokens_per_minute or max_parallel_requests", keys.path()));
  }
}

}  // namespace

Result<BudgetSettings> load_budget(std::string_view map, const Settings& settings) {
  // Whoever says this isn't the operator at his file: nothing of the environment gets in.
  const Environment nothing;
  ReadContext context{"", nothing, {}, {}, {}};
  BudgetSettings budget;
  if (const std::optional<YamlNode> document = parse_yaml(map, "", context.problems)) {
    MapReader keys(*document, "budget", context);
    read_budget(keys, settings, budget);
    keys.report_unknown_keys();
  }
  if (context.problems.errors.empty()) return budget;
  return Error(ErrorCode::bad_request, context.problems.errors.front().text);
}

void read_budgets(MapReader& root, Settings& settings) {
  std::set<std::string> names;
  root.list("budgets", [&](const ValueReader& item) {
    BudgetSettings& budget = settings.budgets.emplace_back();
    item.map([&](MapReader& keys) {
      read_budget(keys, settings, budget);
      if (!budget.name.empty() && !names.insert(budget.name).second) {
        keys.refuse("name", fmt::format("is {}, an earlier budget has the same name; names are "
                                        "unique, choose another", in_quotes(budget.name)));
      }
    });
  });
}

void read_rate_limits(MapReader& root, Settings& settings) {
  std::set<std::string> names;
  root.list("rate_limits", [&](const ValueReader& item) {
    RateLimitSettings& limit = settings.rate_limits.emplace_back();
    item.map([&](MapReader& keys) {
      read_rate_limit(keys, settings, limit);
      if (!limit.name.empty() && !names.insert(limit.name).second) {
        keys.refuse("name", fmt::format("is {}, an earlier limit has the same name; names are "
                                        "unique, choose another", in_quotes(limit.name)));
      }
    });
  });
}

}  // namespace farebox
