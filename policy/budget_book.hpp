// BudgetBook: the counters of all budgets, and the one place where money is promised.
//
// A call takes a hold in every budget it is subject to, or in none; holds grow, and end by
// being settled or released. With budgets that block, spent + held never passes the limit,
// and nobody is refused while what is left covers what he needs at least. Amounts are exact.
//
// A cost stays in the window of its hold, and a window that has ended never opens again,
// wherever the wall clock jumps. Time is an argument; not thread-safe: its owner has the
// lock, and every call but `add`, `replay` and `each` is short.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/base/money.hpp"
#include "policy/period.hpp"
#include "policy/scope_table.hpp"
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
  explicit BudgetCounter(BudgetRule& its) : rule(&its) {}
  // Nothing would be lost: no hold refers to it, and nothing was spent in a window that lasts.
  bool idle(WallTime now) const;

  BudgetRule* rule;
  std::uint32_t window_number = 0;  // of the windows it has seen; 0: none yet
  std::uint32_t open = 0;           // holds that refer to it, of any window
  Window window;
  Money spent, held;
  Money carried;                    // from the window before
  Tokens spent_tokens = 0, held_tokens = 0;
  std::uint64_t would_refuse = 0;   // of an auditing budget, in this window
};

struct BudgetStanding {
  std::span<const std::string_view> values;  // as the rule's scope has parts
  Money limit, spent, held, remaining;       // remaining: at least 0
  Money carried;
  Tokens spent_tokens = 0, held_tokens = 0;
  BudgetStatus status = BudgetStatus::ok;
  Window window;
  std::uint64_t would_refuse = 0;
};

// What a budget had spent up to a record: stands for records that are gone.
struct BudgetBase {
  struct Row {
    std::vector<std::string> values;  // as the rule's scope has parts
    WallTime window;                  // its start
    Money spent, carried;
    Tokens tokens = 0;
    friend bool operator==(const Row&, const Row&) = default;
  };
  std::uint64_t first = 1;  // the first record that isn't in it
  std::vector<Row> rows;
};

// Money and tokens that go together.
struct BudgetAmount {
  Money money;
  Tokens tokens = 0;

  friend bool operator==(const BudgetAmount&, const BudgetAmount&) = default;
};

// What a call took. Ends by `settle` or `release`, exactly once; an empty one is subject to
// no budget, and ending it changes nothing.
class BudgetHold {
 public:
  bool empty() const { return entries_.empty(); }
  const BudgetAmount& amount() const { return amount_; }

 private:
  friend class BudgetBook;
  struct Entry {
    BudgetCounter* counter;
    std::uint32_t window_number;
  };
  boost::container::small_vector<Entry, 8> entries_;
  BudgetAmount amount_;
};

struct BudgetAsk {
  // May it be unknown what the call costs? Budgets that block then refuse it.
  enum class Bound : std::uint8_t { known, no_price, no_meter };
  BudgetAmount least;   // with less it isn't worth beginning
  BudgetAmount wanted;  // the whole worst case; at least `least`
  Bound bound = Bound::known;
  // So many calls like this one must fit, or it isn't held: `in_flight`.
  std::uint32_t spare = 1;
  // At most one part in so many of what is free is granted, but at least `least`.
  std::uint32_t share = 1;
};

struct BudgetAnswer {
  enum class Verdict : std::uint8_t {
    held,
    exceeded,   // what is spent leaves less than the least
    in_flight,  // what is held does: wait, and ask again
    unknown_cost,
    too_many_values,
  };
  Verdict verdict = Verdict::held;
  BudgetAmount granted;              // from least to wanted
  const BudgetRule* by = nullptr;    // who refused
  WallTime window_end = WallTime::max();  // of that one, as are these
  Money by_limit, by_left;                // left: not spent, perhaps held
  std::optional<Tokens> by_tokens_left;   // where it is tokens that it lacks
  // The worst standing of those that bind, after the hold.
  std::optional<Money> remaining;
  BudgetStatus status = BudgetStatus::ok;
  const BudgetRule* worst = nullptr;  // whose status that is
  // What budgets that don't block want done instead of refusing.
  const BudgetRule* downgrade = nullptr;
  const BudgetRule* throttle = nullptr;
};

class BudgetBook {
 public:
  BudgetBook(std::uint64_t seed, std::size_t most_values) : table_(seed, most_values) {}

  // The rule stays where it is until `remove`; its limits may be changed in place.
  BudgetRule& add(BudgetRule rule);
  // Holds that are open in it may still end. False: there is no such budget.
  bool remove(std::string_view id);
  BudgetRule* find(std::string_view id);

  BudgetAnswer hold(const ScopeValues& values, const BudgetAsk& ask, WallTime now,
                    BudgetHold& hold);
  // More for the same call, from all of its budgets or from none. A budget whose window has
  // ended since grants nothing.
  // `share`: only if it is at most one part in so many of what is free. held, exceeded or
  // in_flight.
  BudgetAnswer::Verdict grow(BudgetHold& hold, const BudgetAmount& more, WallTime now,
                             std::uint32_t share = 1);
  // What it really took, which may be less or (the provider's own word) more.
  void settle(BudgetHold& hold, const BudgetAmount& used);
  void release(BudgetHold& hold) { end(hold, nullptr); }

  // What a running call may still cost, in a budget that came after it began: taken whether it
  // is there or not. `hold` stays as it is where a cost dated `time` isn't counted any more.
  void take(const ScopeValues& values, const BudgetAmount& amount, WallTime time, WallTime now,
            const BudgetRule& only, BudgetHold& hold);
  // One call has both: what it took later becomes a part of what it took first, and of the same
  // amount.
  void merge(BudgetHold& first, BudgetHold& later);

  // A cost that the ledger remembers, dated `time`; counted where its window is the newest.
  // Told in the order of the ledger, windows open as they did. `only`: not in other budgets.
  void replay(const ScopeValues& values, const BudgetAmount& used, WallTime time,
              const BudgetRule* only = nullptr);

  // Before the first `replay` of that budget.
  void restore(const BudgetRule& only, const BudgetBase& base);

  // All counters, and budgets nobody has met yet, which have spent nothing.
  using Visit = std::function<void(const BudgetRule&, const BudgetStanding&)>;
  void each(WallTime now, const Visit& visit);
  // The same in parts, between which others may have the lock: true while there is more.
  struct Walk {
    std::size_t at = 0;
    std::set<const BudgetRule*> met = {};
  };
  bool each_part(Walk& walk, std::size_t most, WallTime now, const Visit& visit);

  std::size_t counters() const { return table_.size(); }

 private:
  struct Room;
  static void turn(BudgetCounter& counter, WallTime now);
  static BudgetStanding standing_of(const BudgetCounter& counter, WallTime now);
  void end(BudgetHold& hold, const BudgetAmount* used);

  std::list<BudgetRule> rules_;  // removed ones stay: counters may refer to them
  std::list<BudgetRule> removed_;
  ScopeTable<BudgetRule, BudgetCounter> table_;
};

}  // namespace farebox
