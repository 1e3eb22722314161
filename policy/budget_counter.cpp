#include "policy/budget_counter.hpp"

#include <algorithm>

namespace farebox {
namespace {

constexpr Int128 kMillion = 1'000'000;
constexpr Int128 kNever = ~UInt128{0} >> 1;  // no amount is as much

bool reaches(Money spent, Money limit, std::uint32_t millionths) {
  // Limits are far below the 1e26 dollars at which this would overflow 128 bits.
  return spent.picodollars() * kMillion >= limit.picodollars() * Int128(millionths);
}

bool reaches(Tokens spent, Tokens limit, std::uint32_t millionths) {
  return UInt128(spent) * UInt128(kMillion) >= UInt128(limit) * millionths;
}

// The least amount that reaches so many millionths of the limit: as `reaches` says it.
Money first_that_reaches(Money limit, std::uint32_t millionths) {
  const Int128 part = limit.picodollars() * Int128(millionths);
  return Money::picodollars(part / kMillion + (part % kMillion > 0 ? 1 : 0));
}

Tokens first_that_reaches(Tokens limit, std::uint32_t millionths) {
  return static_cast<Tokens>((UInt128(limit) * millionths + (UInt128(kMillion) - 1)) /
                             UInt128(kMillion));
}

}  // namespace

std::string_view name_of(BudgetStatus status) {
  switch (status) {
    case BudgetStatus::ok: return "ok";
    case BudgetStatus::warning: return "warning";
    case BudgetStatus::critical: return "critical";
    case BudgetStatus::exceeded: return "exceeded";
  }
  return "ok";
}

bool BudgetCounter::idle(WallTime now) const {
  if (open != 0) return false;
  if (window_number == 0 || now >= window.end) return carried == Money() && !rule->rollover;
  return spent == Money() && spent_tokens == 0 && carried == Money();
}

BudgetStatus BudgetCounter::status_at(Money limit) const {
  const auto at = [&](std::uint32_t millionths) {
    return reaches(spent, limit, millionths) ||
           (rule->token_limit && reaches(spent_tokens, *rule->token_limit, millionths));
  };
  if (at(1'000'000)) return BudgetStatus::exceeded;
  if (at(rule->critical_millionths)) return BudgetStatus::critical;
  return at(rule->warning_millionths) ? BudgetStatus::warning : BudgetStatus::ok;
}

void BudgetCounter::open_window(WallTime now) {
  const Window before = window;
  window = rule->period.window_at(now);
  const bool follows = window_number != 0 && before.end == window.start;
  const Money left = limit_at(before.start) - spent - held;
  // Never more than a whole limit, or years of silence would add up.
  carried = rule->rollover && follows ? std::clamp(left, Money(), std::max(rule->limit, Money()))
                                      : Money();
  ++window_number;
  spent = held = Money();
  spent_tokens = held_tokens = 0;
  would_refuse = 0;
  told = BudgetStatus::ok;
  refusal_told = false;
  terms.version = 0;
}

void BudgetCounter::make_terms(WallTime now, std::uint32_t version) {
  terms.limit = limit_at(now);
  terms.token_limit = rule->token_limit.value_or(kNoTokens);
  terms.until = WallTime::max();
  for (const auto& timed : {rule->override_limit, rule->top_up}) {
    if (timed && now < timed->until) terms.until = std::min(terms.until, timed->until);
  }
  terms.status = status_at(terms.limit);
  terms.next_step = Money::picodollars(kNever);
  terms.next_token_step = kNoTokens;
  if (terms.status != BudgetStatus::exceeded) {
    std::uint32_t next = 1'000'000;
    if (terms.status < BudgetStatus::critical) next = std::min(next, rule->critical_millionths);
    if (terms.status < BudgetStatus::warning) next = std::min(next, rule->warning_millionths);
    terms.next_step = first_that_reaches(terms.limit, next);
    if (rule->token_limit) terms.next_token_step = first_that_reaches(terms.token_limit, next);
  }
  terms.on_exceeded = rule->on_exceeded;
  terms.seeding = rule->seeding;
  terms.version = version;
}

}  // namespace farebox
