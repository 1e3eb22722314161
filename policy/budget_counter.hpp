// BudgetCounter: what is spent and held of one budget by one combination of values.
//
// Plain values; time is an argument. The book that owns it (budget_book.hpp) has the lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/money.hpp"
#include "policy/period.hpp"
#include "policy/scope.hpp"
#include "policy/usage.hpp"

namespace farebox {

struct BudgetRule {
  // Another limit for a while; money only.
  struct Override {
    Money limit;
    WallTime until;
  };

  // What every call looks at stands together.
  Money limit;
  std::optional<Tokens> token_limit;  // beside the money
  std::uint32_t warning_millionths = 800'000;   // of the limit
  std::uint32_t critical_millionths = 950'000;
  OnExceeded on_exceeded = OnExceeded::block;
  bool rollover = false;     // what a window leaves unused is added to the next one
  bool seeding = false;      // what was spent before it was there is still being summed
  std::optional<Override> override_limit;
  std::optional<Override> top_up;  // added to the limit for a while
  Period period;
  std::string id;
  std::string name;
  Scope scope;
  std::string downgrade_to;  // a cheaper model, where on_exceeded says downgrade

  Money limit_at(WallTime now) const {
    const bool overridden = override_limit && now < override_limit->until;
    const Money base = overridden ? override_limit->limit : limit;
    return top_up && now < top_up->until ? base + top_up->limit : base;
  }
};

enum class BudgetStatus : std::uint8_t { ok, warning, critical, exceeded };
std::string_view name_of(BudgetStatus status);

// One counter: a budget and a combination of values, in its newest window.
struct BudgetCounter {
  // What the rule and the clock make of it, kept beside the counts: a call that asks five of a
  // million budgets waits for memory more than for anything else.
  struct Terms {
    Money limit;                  // carried, overridden and topped up
    Money next_step;              // spent so much, `status` is another
    Tokens token_limit = kNoTokens;
    Tokens next_token_step = kNoTokens;
    WallTime until;               // an override or a top-up ends
    std::uint32_t version = 0;    // of the rules it was made from; 0: to be made
    BudgetStatus status = BudgetStatus::ok;
    OnExceeded on_exceeded = OnExceeded::block;
    bool seeding = false;
  };
  static constexpr Tokens kNoTokens = ~Tokens{0};  // no limit

  explicit BudgetCounter(BudgetRule& its) : rule(&its) {}
  // Nothing would be lost: no hold refers to it, and nothing was spent in a window that lasts.
  bool idle(WallTime now) const;
  // Opens the window that `now` falls into, unless that one or a later one is open.
  void turn(WallTime now) {
    if (window_number == 0 || now >= window.end) open_window(now);
  }
  // Brings `terms` up to date. `version`: of the rules as they are.
  void refresh(WallTime now, std::uint32_t version) {
    const bool fresh = terms.version == version && now < terms.until &&
                       spent < terms.next_step && spent_tokens < terms.next_token_step;
    if (!fresh) make_terms(now, version);
  }
  // Overridden and topped up, and with what was carried over.
  Money limit_at(WallTime now) const { return rule->limit_at(now) + carried; }
  // By whichever is nearer to its limit, money or tokens.
  BudgetStatus status_at(Money limit) const;

  BudgetRule* rule;
  std::uint32_t window_number = 0;  // of the windows it has seen; 0: none yet
  std::uint32_t open = 0;           // holds that refer to it, of any window
  Window window;
  Money spent, held;
  Tokens spent_tokens = 0, held_tokens = 0;
  Terms terms;
  Money carried;                    // from the window before
  std::uint64_t would_refuse = 0;   // of an auditing budget, in this window
  BudgetStatus told = BudgetStatus::ok;  // the worst that `settle` or `each` has told
  bool refusal_told = false;

 private:
  void open_window(WallTime now);
  void make_terms(WallTime now, std::uint32_t version);
};

}  // namespace farebox
