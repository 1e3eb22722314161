// keys, budgets and rate_limits: who may do what, and how much of it.
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

bool is_tag_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

// Tags travel in one header as a=b,c=d.
Result<void> tag_value(std::string_view value) {
  if (value.find(',') != value.npos) {
    return refusal("the value of a tag can't hold a comma, which separates tags; use another "
                   "character");
  }
  return name_text(value);
}

Result<void> hash_of_key(std::string_view hash) {
  constexpr std::string_view kPrefix = "sha256:";
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  if (!hash.starts_with(kPrefix) || hash.size() != kPrefix.size() + 64 ||
      !std::all_of(hash.begin() + kPrefix.size(), hash.end(), is_hex)) {
    return refusal("it must be sha256: and 64 hexadecimal digits; make one with `printf %s KEY | "
                   "sha256sum`, and keep the key itself out of this file");
  }
  return {};
}

void read_key_hash(MapReader& keys, KeySettings& key) {
  const bool from_file = keys.has("key_hash_file");
  if (!from_file) keys.require("key_hash", "key_hash: \"sha256:...\", or key_hash_file");
  // Read as a secret, because people paste the key itself here: it is never shown.
  Secret hash;
  keys.secret({"key_hash", "key_hash_file"}, hash);
  const char* const said_at = from_file ? "key_hash_file" : "key_hash";
  if (!keys.has(said_at) || keys.is_broken(said_at)) return;
  const Result<void> checked = hash_of_key(hash.reveal());
  if (!checked) {
    return keys.refuse(said_at, fmt::format("can't be used, {}", checked.error().context));
  }
  key.key_hash = hash.reveal();
  std::transform(key.key_hash.begin(), key.key_hash.end(), key.key_hash.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
}

void read_key(MapReader& keys, KeySettings& key) {
  keys.require("name", "name: and a name that logs may show");
  keys.read("name", key.name, name_text);
  read_key_hash(keys, key);
  keys.read("org", key.org, any_text);
  keys.read("project", key.project, any_text);
  keys.read("user", key.user, any_text);
  key.models = {"*"};
  keys.read("models", key.models, some_text);
  if (key.models.empty()) {
    keys.refuse("models", "is an empty list, so the key could use nothing; write [\"*\"] for all "
                          "models or remove it");
  }
  keys.map("tags", [&](MapReader& tags) {
    tags.each([&](const std::string& name, const ValueReader& value) {
      if (!is_tag_name(name)) {
        value.refuse_unseen("is not the name of a tag, it travels in a header; use letters, "
                            "digits, - _ and .");
      }
      value.into(key.tags[name], tag_value);
    });
  });
}

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

void read_keys(MapReader& root, Settings& settings) {
  std::set<std::string> names, hashes;
  root.list("keys", [&](const ValueReader& item) {
    KeySettings& key = settings.keys.emplace_back();
    item.map([&](MapReader& keys) {
      read_key(keys, key);
      if (!key.name.empty() && !names.insert(key.name).second) {
        keys.refuse("name", fmt::format("is {}, an earlier key has the same name; names are "
                                        "unique, choose another", in_quotes(key.name)));
      }
      if (!key.key_hash.empty() && !hashes.insert(key.key_hash).second) {
        keys.refuse("key_hash", "is the hash of an earlier key, a caller could not be told from "
                                "the other; make a new key");
      }
    });
  });
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
  root.list("rate_limits", [&](const ValueReader& item) {
    RateLimitSettings& limit = settings.rate_limits.emplace_back();
    item.map([&](MapReader& keys) { read_rate_limit(keys, settings, limit); });
  });
}

}  // namespace farebox
