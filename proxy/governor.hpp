// Governor: where all workers ask for money and for room.
//
// It owns the counters of budgets and rate limits (policy/), and one short lock for each of
// the two. Whoever isn't governed pays two relaxed loads. It outlives every reload: what was
// counted stays, as long as the budget it was counted for does.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "config/base/log.hpp"
#include "policy/alert.hpp"
#include "policy/budget_book.hpp"
#include "policy/rate_limit.hpp"
#include "policy/rules.hpp"
#include "storage/ledger.hpp"

namespace farebox {

class Governor;

// Whom and what a record is counted under. Refers to it.
inline ScopeValues scope_of(const Record& record) {
  return {record.org,  record.project,         record.user,     record.key_name,
          record.requested_model, record.provider, &record.tags};
}

// What a call took of its budgets; given back when it dies unsettled.
class HeldBudget {
 public:
  HeldBudget() = default;
  HeldBudget(const HeldBudget&) = delete;
  HeldBudget& operator=(const HeldBudget&) = delete;
  ~HeldBudget() { release(); }

  // Is it subject to any budget?
  bool binds() const { return !hold_.empty(); }
  const BudgetAmount& amount() const { return hold_.amount(); }
  inline void release();

 private:
  friend class Governor;
  Governor* governor_ = nullptr;
  BudgetHold hold_;
  std::uint64_t version_ = 0;  // of the budgets there were when it was asked
};

// What a call took of its rate limits: parallel slots, and tokens it may not need.
class HeldRoom {
 public:
  HeldRoom() = default;
  HeldRoom(const HeldRoom&) = delete;
  HeldRoom& operator=(const HeldRoom&) = delete;
  ~HeldRoom() { cancel(); }

  bool binds() const { return !hold_.empty(); }
  // The call has ended and used that much.
  inline void finish(const RateUse& used);
  // It wasn't made.
  inline void cancel();

 private:
  friend class Governor;
  Governor* governor_ = nullptr;
  LimitHold hold_;
};

// The answer to a call that asks for money, without references to what others change.
struct BudgetDecision {
  BudgetAnswer::Verdict verdict = BudgetAnswer::Verdict::held;
  BudgetAmount granted;
  WallTime time;                   // that its cost is counted at
  std::optional<Money> remaining;  // of the tightest that binds, after the hold
  BudgetStatus status = BudgetStatus::ok;
  std::string worst;               // whose status that is, from warning on
  std::string by;                  // who refused; the next three are its
  Money by_limit, by_left;
  std::optional<Tokens> by_tokens_left;  // it is tokens that it lacks
  WallTime window_end = WallTime::max();
  std::string downgrade_to;        // a cheaper model, of a budget that is spent ...
  std::string downgrade_by;        // ... which is this one
  bool throttled = false;          // a budget that is spent lets no more through now ...
  std::chrono::nanoseconds retry_after{0};  // ... until then
};

struct LimitDecision {
  LimitAnswer::Verdict verdict = LimitAnswer::Verdict::admitted;
  std::string by;
  RateKind kind = RateKind::requests;
  std::chrono::nanoseconds retry_after{0};
  std::optional<RateStanding> requests, tokens;
};

// What alerts are made of, since it was asked last.
struct GovernorSights {
  std::vector<BudgetSight> budgets;  // that crossed a threshold, or refused for the first time
  // Too many to be told, or limits have changed: every counter has to be looked at.
  bool look_at_all = false;
  std::vector<std::pair<std::string, std::string>> limited;  // rate limits that refused; scopes
  std::set<std::string> unpriced;  // models that budgets refused for want of a price
};

// As `each_budget` tells it.
BudgetSight sight_of(const BudgetRule& rule, const BudgetStanding& standing);

class Governor {
 public:
  // `most_values`: combinations of "*" values counted at once.
  Governor(std::uint64_t seed, std::size_t most_values, const Clock& clock)
      : clock_(clock), seed_(seed), most_values_(most_values), budgets_(seed, most_values),
        limits_(seed + 1, most_values) {}

  // These are the budgets and limits from now on. Counters of those that stay are kept; what
  // was spent under new ones is summed from the ledger, and their callers wait meanwhile.
  // Reads from disk; one at a time. `longest_call`: 0 before the first call. Errors:
  // invalid_config, and nothing has changed; the ledger's own, and new budgets that block pay
  // for nothing until the next `adopt` has summed them.
  Result<void> adopt(const std::vector<BudgetOrder>& budgets,
                     const std::vector<RateLimitSettings>& limits, const Ledger& ledger,
                     std::chrono::milliseconds longest_call);

  bool has_budgets() const { return has_budgets_.load(std::memory_order_relaxed); }
  bool has_limits() const { return has_limits_.load(std::memory_order_relaxed); }

  LimitDecision admit(const ScopeValues& values, const RateUse& use, HeldRoom& room);

  BudgetDecision hold(const ScopeValues& values, const BudgetAsk& ask, HeldBudget& held);
  // The caller was told no by that budget. `spent`: whose money is spent, not held.
  void count_refusal(const std::string& budget, const ScopeValues* spent = nullptr);
  BudgetAnswer::Verdict grow(HeldBudget& held, const BudgetAmount& more, std::uint32_t share = 1);
  // The record is in the ledger, or in its queue, with that cost and time.
  void settle(HeldBudget& held, HoldId id, const ScopeValues& values, const BudgetAmount& used,
              WallTime time);

  // The tokens of output that an answer of this model mostly stays below, from those that were
  // settled under budgets; a guess for a model nobody has used.
  Tokens expected_output(std::string_view model) const;
  void note_output(std::string_view model, Tokens output);

  // All counters as they are at one moment. Never on a worker: it takes its time.
  void each_budget(const BudgetBook::Visit& visit);
  // A budget refused this model, because nobody knows its price.
  void note_unpriced(std::string_view model);
  // Cheap while nothing happens.
  GovernorSights take_sights();
  std::map<std::string, std::uint64_t> budget_refusals() const;
  std::map<std::string, std::uint64_t> limit_refusals() const;

 private:
  friend class HeldBudget;
  friend class HeldRoom;

  // A budget that came while calls were running. Those that began before it aren't in it.
  struct Late {
    struct Pending {
      std::uint64_t hold;
      std::string org, project, user, key, model, provider;
      std::map<std::string, std::string> tags;
      BudgetAmount used;
      WallTime time;
    };
    BudgetRule* rule;
    std::uint64_t version;
    SteadyTime until;                          // calls of before are all over by then
    std::unordered_set<std::uint64_t> summed;  // holds whose records the ledger had
    std::vector<Pending> pending;              // calls that ended while it was being summed
  };

  void note_sight(const BudgetCounter& counter, const ScopeValues& values, bool refused);
  void note_limited(const LimitRule& rule, const ScopeValues& values);
  void assign_throttles(std::vector<LimitRule> rules);
  void throttle(const std::string& budget, const ScopeValues& values, HeldBudget& held,
                BudgetDecision& decision);
  void release(BudgetHold& hold);
  void finish(LimitHold& hold, const RateUse& used);
  void cancel(LimitHold& hold);
  void settle_late(std::uint64_t version, HoldId id, const ScopeValues& values,
                   const BudgetAmount& used, WallTime time);
  Result<void> sum(std::vector<BudgetRule*> added, const Ledger& ledger,
                   std::chrono::milliseconds longest_call);
  WallTime now() {
    latest_ = std::max(latest_, clock_.wall_now());
    return latest_;
  }

  const Clock& clock_;
  const std::uint64_t seed_;
  const std::size_t most_values_;
  std::atomic<bool> has_budgets_{false}, has_limits_{false};
  std::atomic<std::uint64_t> version_{0};
  std::atomic<bool> has_sights_{false}, has_limited_{false}, look_at_all_{true};

  mutable std::mutex budget_mutex_;  // of everything down to the next line
  BudgetBook budgets_;
  std::map<std::string, RateBook, std::less<>> throttles_;  // by the budget that says so
  std::vector<BudgetSettings> said_;
  std::vector<Late> late_;
  bool summing_ = false;  // the budgets of the newest version, or it failed
  WallTime latest_{};  // windows never look back, wherever the clock jumps
  std::map<std::string, std::uint64_t> budget_refusals_;
  std::vector<BudgetSight> sights_;  // bounded; beyond that, all are looked at
  std::set<std::string> unpriced_;   // bounded

  mutable std::mutex limit_mutex_;  // of everything down to the next line
  RateBook limits_;
  std::map<std::string, std::uint64_t> limit_refusals_;
  std::set<std::string> limited_;  // limit 0x1F scope; bounded

  mutable std::mutex output_mutex_;  // of the rest
  std::map<std::string, Tokens, std::less<>> outputs_;  // by model, at most kMostModels
};

inline void HeldBudget::release() {
  if (!hold_.empty()) governor_->release(hold_);
}
inline void HeldRoom::finish(const RateUse& used) {
  if (!hold_.empty()) governor_->finish(hold_, used);
}
inline void HeldRoom::cancel() {
  if (!hold_.empty()) governor_->cancel(hold_);
}

}  // namespace farebox
