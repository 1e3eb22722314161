#include "proxy/configuration_state.hpp"

#include "config/base/json_writer.hpp"
#include "proxy/budget_document.hpp"
#include "proxy/configuration.hpp"

namespace farebox {
namespace {

void append_scope(JsonWriter& json, const ScopeSettings& scope) {
  json.key("scope").begin_object();
  for (const auto& [name, value] : scope) json.foreign_key(name).string(value);
  json.end_object();
}

}  // namespace

std::string configuration_state(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("priceVersion").string(configuration.prices.version());
  json.key("providers").begin_array();
  for (const auto& provider : configuration.providers) json.string(provider->settings.name);
  json.end_array();
  json.key("keys").begin_array();
  for (const KeySettings& key : settings.keys) json.string(key.name);
  json.end_array();
  json.key("requireKeys").boolean(settings.auth.require_keys);
  json.key("budgets").begin_array();
  for (const BudgetSettings& budget : settings.budgets) {
    json.begin_object();
    json.key("name").string(budget.name);
    append_scope(json, budget.scope);
    json.key("period").string(name_of(budget.period));
    json.key("limitUsd").string(budget.limit.decimal());
    if (budget.limit_tokens != 0) json.key("limitTokens").number(budget.limit_tokens);
    json.key("onExceeded").string(name_of(budget.on_exceeded));
    json.end_object();
  }
  json.end_array();
  json.key("rateLimits").begin_array();
  for (const RateLimitSettings& limit : settings.rate_limits) {
    json.begin_object();
    json.key("name").string(limit.name);
    append_scope(json, limit.scope);
    json.key("rates").begin_array();
    for (const Rate& rate : limit.rates) {
      json.begin_object();
      json.key("of").string(name_of(rate.kind));
      json.key("amount").number(rate.amount);
      json.key("seconds").number(static_cast<std::uint64_t>(rate.span.count()));
      json.end_object();
    }
    json.end_array();
    json.key("maxParallelRequests").number(limit.max_parallel_requests);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return out;
}

}  // namespace farebox
