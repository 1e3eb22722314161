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
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/base/log.hpp"
#include "policy/alert.hpp"
#include "policy/budget_book.hpp"
#include "policy/model_names.hpp"
#include "policy/rate_limit.hpp"
#include "policy/rules.hpp"
#include "storage/ledger.hpp"

namespace farebox {

class Governor;

// Whom and what a record is counted under. Refers to it.
inline ScopeValues scope_of(const Record& record) {
  return {record.org,  record.project,         record.user,     record.key_name,
          record.requested_model, record.provider, &record.tags, record.family, record.snapshot};
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
  // What `other` took is this one's from now on, to be given back. False: it has some already.
  bool take(HeldBudget& other) {
    if (binds()) return !other.binds();
    governor_ = other.governor_;
    hold_ = std::exchange(other.hold_, BudgetHold());
    version_ = other.version_;
    return true;
  }

 private:
  friend class Governor;
  Governor* governor_ = nullptr;
  BudgetHold hold_;
  std::uint64_t version_ = 0;  // of the budgets there were when it was asked
  HoldId id_;                  // of the call in the ledger, once that knows it
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

  // What the budgets had spent up to the record `first`: their bases, once the records before it
  // are gone; in the order of `budgets`. Reads from disk. Errors: as `adopt`.
  Result<std::vector<BudgetBase>> fold(const std::vector<BudgetOrder>& budgets,
                                       const Ledger& ledger, std::uint64_t first) const;

  // By these prices models are known from the next `adopt` on.
  void use_prices(PriceTable prices);
  // Gives the record the names that scopes call its model, if any does.
  void name_model(Record& record) const {
    if (counts_models_.load(std::memory_order_relaxed)) look_up_model(record);
  }

  // Could a budget or limit of a model count this call, whose model can't be made out?
  bool may_count_model(const ScopeValues& values) const {
    return counts_models_.load(std::memory_order_relaxed) && model_names()->may_count(values);
  }

  bool has_budgets() const { return has_budgets_.load(std::memory_order_relaxed); }
  bool has_limits() const { return has_limits_.load(std::memory_order_relaxed); }

  LimitDecision admit(const ScopeValues& values, const RateUse& use, HeldRoom& room);

  // A call begins: before it looks whether there are budgets.
  void begin(HeldBudget& held) {
    held.governor_ = this;
    held.version_ = version_.load(std::memory_order_acquire);
  }
  BudgetDecision hold(const ScopeValues& values, const BudgetAsk& ask, HeldBudget& held);
  // The ledger has the hold of the call, dated `time`; nothing was sent yet. Budgets that came
  // since it asked hold the `most` it may cost, and refuse it nothing.
  void join(HeldBudget& held, HoldId id, const ScopeValues& values, const BudgetAmount& most,
            WallTime time) {
    held.id_ = id;
    // Either the ledger was asked for its open holds after this one was written, or this sees
    // that there are new budgets.
    if (version_.load(std::memory_order_seq_cst) == held.version_) return;
    join_late(held, values, most, time);
  }
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

  // All counters, each of them as it is at one moment; callers get the lock in between. Never on
  // a worker: it takes its time.
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

  // A call that began before a budget came.
  struct LateCall {
    std::uint64_t hold;
    std::string org, project, user, key, model, provider, family, snapshot;
    std::map<std::string, std::string> tags;
    BudgetAmount amount;  // what it cost, or the most it may cost yet
    WallTime time;
  };
  // A budget that came while calls were running. Those that began before it aren't counted in
  // it by their holds. What they may cost is held here, from what the ledger has of them.
  struct Late {
    BudgetRule* rule;
    std::uint64_t version;
    SteadyTime until = SteadyTime();               // calls of before are all over by then
    std::unordered_set<std::uint64_t> counted = {};  // holds whose cost is in it, or will be
    std::unordered_map<std::uint64_t, BudgetHold> held = {};
    // While it is being summed:
    std::vector<LateCall> ended = {};   // calls that ended meanwhile
    std::vector<LateCall> joined = {};  // calls that the ledger may not have told of
    std::unordered_set<std::uint64_t> over = {};  // calls that hold nothing any more
  };

  // Values with the names of their model, of which `kept` has the octets.
  ScopeValues named(ScopeValues values, ModelNames::Names& kept) const;
  void look_up_model(Record& record) const;
  std::shared_ptr<const ModelNames> model_names() const;
  void note_sight(const BudgetCounter& counter, const ScopeValues& values, bool refused);
  void note_limited(const LimitRule& rule, const ScopeValues& values);
  void assign_throttles(std::vector<LimitRule> rules);
  void throttle(const std::string& budget, const ScopeValues& values, HeldBudget& held,
                BudgetDecision& decision);
  void release(HeldBudget& held);
  void finish(LimitHold& hold, const RateUse& used);
  void cancel(LimitHold& hold);
  // Of late budgets (governor_late.cpp); under the lock, but for the first:
  void join_late(HeldBudget& held, const ScopeValues& values, const BudgetAmount& most,
                 WallTime time);
  void settle_late(const HeldBudget& held, const ScopeValues& values,
                   const BudgetAmount& used, WallTime time);
  LateCall late_call(HoldId id, const ScopeValues& values, const BudgetAmount& amount,
                     WallTime time) const;
  static ScopeValues values_of(const LateCall& call);
  void take_late(Late& late, const LateCall& call);
  void collect_late(HeldBudget& held);
  void forget_late(const std::function<bool(const Late&)>& which);
  using Bases = std::map<const BudgetRule*, std::shared_ptr<const BudgetBase>>;
  Result<void> sum(std::vector<BudgetRule*> added, const Bases& bases, const Ledger& ledger,
                   std::chrono::milliseconds longest_call);
  WallTime now() {
    latest_ = std::max(latest_, clock_.wall_now());
    return latest_;
  }

  const Clock& clock_;
  const std::uint64_t seed_;
  const std::size_t most_values_;
  std::atomic<bool> has_budgets_{false}, has_limits_{false}, counts_models_{false};
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

  mutable std::mutex names_mutex_;  // of everything down to the next line
  PriceTable prices_;
  std::shared_ptr<const ModelNames> names_ = std::make_shared<ModelNames>();

  mutable std::mutex output_mutex_;  // of the rest
  std::map<std::string, Tokens, std::less<>> outputs_;  // by model, at most kMostModels
};

inline void HeldBudget::release() {
  if (governor_ != nullptr) governor_->release(*this);
}
inline void HeldRoom::finish(const RateUse& used) {
  if (!hold_.empty()) governor_->finish(hold_, used);
}
inline void HeldRoom::cancel() {
  if (!hold_.empty()) governor_->cancel(hold_);
}

}  // namespace farebox
