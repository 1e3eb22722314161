// budgets and rate_limits: how much of it who may do.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "config/load_sections.hpp"
#include "config/suggest.hpp"

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

constexpr Count kPerMinute{1, 1'000'000'000'000};

Error refusal(std::string why) { return Error(ErrorCode::invalid_config, std::move(why)); }

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
    return refusal("it is not the name of a time zone; write it like UTC or Europe/Berlin");
  }
  return {};
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
  keys.read("on_exceeded", budget.on_exceeded, kOnExceeded);
  if (budget.warning_threshold_millionths > budget.critical_threshold_millionths) {
    keys.refuse(keys.has("warning_threshold") ? "warning_threshold" : "critical_threshold",
                "would warn only after the budget is critical already; keep warning_threshold (0.8 "
                "when not given) at or below critical_threshold (0.95 when not given)");
  }
}

void read_rate_limit(MapReader& keys, const Settings& settings, RateLimitSettings& limit) {
  read_scope(keys, settings, limit.scope);
  keys.read("requests_per_minute", limit.requests_per_minute, kPerMinute);
  keys.read("tokens_per_minute", limit.tokens_per_minute, kPerMinute);
  keys.read("max_parallel_requests", limit.max_parallel_requests, Count{1, 1'000'000});
  if (!keys.has("requests_per_minute") && !keys.has("tokens_per_minute") &&
      !keys.has("max_parallel_requests")) {
    keys.context().problems.error(
        keys.place(), fmt::format("{} limits nothing, it has no number; add requests_per_minute, "
                                  "tokens_per_minute or max_parallel_requests", keys.path()));
  }
}

}  // namespace

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
  root.list("rate_limits", [&](const ValueReader& item) {
    RateLimitSettings& limit = settings.rate_limits.emplace_back();
    item.map([&](MapReader& keys) { read_rate_limit(keys, settings, limit); });
  });
}

}  // namespace farebox
