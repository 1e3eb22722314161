#include "policy/rules.hpp"

namespace farebox {

Result<BudgetRule> budget_rule(const BudgetOrder& order) {
  const BudgetSettings& said = order.said;
  auto scope = Scope::make(said.scope);
  if (!scope) return scope.error();
  const auto zone = TimeZone::find(said.time_zone);
  if (!zone) return zone.error();
  BudgetRule rule;
  rule.id = rule.name = said.name;
  rule.scope = std::move(*scope);
  rule.limit = said.limit;
  if (said.limit_tokens != 0) rule.token_limit = said.limit_tokens;
  rule.warning_millionths = said.warning_threshold_millionths;
  rule.critical_millionths = said.critical_threshold_millionths;
  rule.on_exceeded = said.on_exceeded;
  rule.rollover = said.rollover;
  rule.downgrade_to = said.downgrade_to;
  rule.override_limit = order.limit_override;
  rule.top_up = order.top_up;
  rule.period = Period(said.period, *zone,
                       {std::chrono::weekday(said.week_starts), std::chrono::month(said.year_starts)});
  return rule;
}

Result<LimitRule> limit_rule(const RateLimitSettings& said) {
  auto scope = Scope::make(said.scope);
  if (!scope) return scope.error();
  return LimitRule{said.name.empty() ? text_of(said.scope) : said.name, std::move(*scope),
                   said.rates, said.max_parallel_requests};
}

LimitRule throttle_rule(const BudgetSettings& said, const Scope& scope) {
  return {said.name, scope,
          {{RateKind::requests, said.throttle_requests_per_minute, std::chrono::minutes(1)}}, 0};
}

std::string text_of(const ScopeSettings& scope) {
  std::string text;
  for (const auto& [name, value] : scope) {
    if (!text.empty()) text += ',';
    text += name + '=' + value;
  }
  return text.empty() ? "all" : text;
}

}  // namespace farebox
