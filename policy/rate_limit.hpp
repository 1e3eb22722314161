// Rate limits: requests, tokens and parallel calls, for each scope.
//
// The algorithm is a token bucket with exact integers (GCRA's other form): a bucket of
// `amount` drains steadily within `span`, so at most `amount` at once and, over any time t,
// `amount` + t * amount / span. Tokens are reserved at admission and trued up at the end.
// A request is subject to all matching limits; all must agree, and a refusal by one leaves
// every other as it was. Time is an argument; not thread-safe: its owner has the lock.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/money.hpp"
#include "policy/scope_table.hpp"
#include "policy/usage.hpp"

namespace farebox {

std::string_view name_of(RateKind kind);  // "requests"

struct LimitRule {
  std::string name;  // in metrics and messages
  Scope scope;
  std::vector<Rate> rates;
  std::uint64_t parallel = 0;  // most calls at once; 0: not limited

  friend bool operator==(const LimitRule&, const LimitRule&) = default;
};

// What a call takes, as far as it is known.
struct RateUse {
  Tokens input = 0;
  Tokens output = 0;
  // Nobody said how long the answer may be. A guess reserves no more than an eighth of a
  // limit, so that few calls don't fill it with what they will never use.
  bool output_guessed = false;
};

// One rate as a caller may see it.
struct RateStanding {
  std::uint64_t limit = 0;
  std::uint64_t remaining = 0;
  std::chrono::nanoseconds reset{0};  // until all of it is there again
};

// How full one bucket is. In units of (what is counted) * nanoseconds, so that nothing is
// ever rounded: one more takes `span` of them, and `amount` of them drain each nanosecond.
struct RateBucket {
  UInt128 debt = 0;
  SteadyTime at{};  // when `debt` was that

  void drain(const Rate& rate, SteadyTime now);
};

// The counters of one limit and one combination of values.
struct LimitCounter {
  explicit LimitCounter(LimitRule& its) : rule(&its), buckets(its.rates.size()) {}
  bool idle(SteadyTime now);

  LimitRule* rule;
  boost::container::small_vector<RateBucket, 2> buckets;  // as rule->rates
  std::uint64_t running = 0;
};

// What an admitted call took. Give it back with `finish`, exactly once.
class LimitHold {
 public:
  bool empty() const { return counters_.empty(); }

 private:
  friend class RateBook;
  boost::container::small_vector<LimitCounter*, 8> counters_;
  RateUse reserved_;
};

struct LimitAnswer {
  enum class Verdict : std::uint8_t { admitted, rate, parallel, too_many_values };
  Verdict verdict = Verdict::admitted;
  const LimitRule* by = nullptr;  // who refused
  RateKind kind = RateKind::requests;
  std::chrono::nanoseconds retry_after{0};  // until it would fit, if nobody else asks
  // The tightest of each; nothing: not limited.
  std::optional<RateStanding> requests, tokens;
};

class RateBook {
 public:
  RateBook(std::uint64_t seed, std::size_t most_values) : table_(seed, most_values) {}

  void add(LimitRule rule);
  // These are the limits from now on. Those that stay keep what they have counted.
  void assign(std::vector<LimitRule> rules);

  // A reservation above a whole limit is cut to it: such a call waits for a full bucket
  // instead of for ever, and what it really used is trued up.
  LimitAnswer admit(const ScopeValues& values, RateUse use, SteadyTime now, LimitHold& hold);

  // The call wasn't made: everything is as if it had never asked.
  void cancel(LimitHold& hold, SteadyTime now);

  // The call has ended and used that much. Tokens above what was reserved are owed; the
  // next ones wait for them.
  void finish(LimitHold& hold, RateUse used, SteadyTime now);

  std::size_t counters() const { return table_.size(); }

 private:
  std::list<LimitRule> rules_;
  std::list<LimitRule> removed_;  // counters may refer to them
  ScopeTable<LimitRule, LimitCounter> table_;
};

}  // namespace farebox
