#include "policy/rate_limit.hpp"

#include <algorithm>

namespace farebox {
namespace {

std::uint64_t span_of(const Rate& rate) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(rate.span).count());
}

UInt128 capacity_of(const Rate& rate) { return UInt128(rate.amount) * span_of(rate); }

std::chrono::nanoseconds time_to_drain(const Rate& rate, UInt128 debt) {
  const UInt128 time = (debt + rate.amount - 1) / rate.amount;
  constexpr auto kMost = std::chrono::nanoseconds::max().count();
  return std::chrono::nanoseconds(time > UInt128(kMost) ? kMost : static_cast<std::int64_t>(time));
}

// How much of what this rate counts a call takes.
std::uint64_t taken_of(const Rate& rate, const RateUse& use) {
  switch (rate.kind) {
    case RateKind::requests: return 1;
    case RateKind::input_tokens: return use.input;
    case RateKind::output_tokens: return use.output;
    case RateKind::tokens: break;
  }
  std::uint64_t sum;
  return __builtin_add_overflow(use.input, use.output, &sum) ? ~std::uint64_t{0} : sum;
}

std::uint64_t reserved_of(const Rate& rate, RateUse use) {
  if (use.output_guessed) use.output = std::min(use.output, rate.amount / 8);
  return std::min(taken_of(rate, use), rate.amount);
}

RateStanding standing_of(const Rate& rate, const RateBucket& bucket) {
  const UInt128 capacity = capacity_of(rate);
  const UInt128 room = capacity > bucket.debt ? capacity - bucket.debt : 0;
  return {rate.amount, static_cast<std::uint64_t>(room / span_of(rate)),
          time_to_drain(rate, bucket.debt)};
}

// The one that leaves less of itself.
void keep_tightest(std::optional<RateStanding>& kept, const RateStanding& other) {
  if (kept && UInt128(kept->remaining) * other.limit <= UInt128(other.remaining) * kept->limit) return;
  kept = other;
}

void show(const LimitCounter& counter, LimitAnswer& answer) {
  for (std::size_t i = 0; i < counter.buckets.size(); ++i) {
    const Rate& rate = counter.rule->rates[i];
    const RateStanding standing = standing_of(rate, counter.buckets[i]);
    keep_tightest(rate.kind == RateKind::requests ? answer.requests : answer.tokens, standing);
  }
}

// Longer waits win, so that who waits as told isn't refused by another limit.
void refuse(LimitAnswer& answer, LimitAnswer::Verdict verdict, const LimitRule& by, RateKind kind,
            std::chrono::nanoseconds wait) {
  if (answer.by != nullptr && answer.retry_after >= wait) return;
  answer.verdict = verdict;
  answer.by = &by;
  answer.kind = kind;
  answer.retry_after = wait;
}

}  // namespace

std::string_view name_of(RateKind kind) {
  switch (kind) {
    case RateKind::requests: return "requests";
    case RateKind::input_tokens: return "input tokens";
    case RateKind::output_tokens: return "output tokens";
    case RateKind::tokens: return "tokens";
  }
  return "requests";
}

void RateBucket::drain(const Rate& rate, SteadyTime now) {
  if (now <= at) return;  // another thread looked at its clock later
  const auto elapsed = static_cast<std::uint64_t>((now - at).count());
  const UInt128 drained = UInt128(elapsed) * rate.amount;
  debt = debt > drained ? debt - drained : 0;
  at = now;
}

bool LimitCounter::idle(SteadyTime now) {
  if (running != 0) return false;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    buckets[i].drain(rule->rates[i], now);
    if (buckets[i].debt != 0) return false;
  }
  return true;
}

void RateBook::add(LimitRule rule) {
  LimitRule& kept = rules_.emplace_back(std::move(rule));
  table_.add(kept, kept.scope);
}

void RateBook::assign(std::vector<LimitRule> rules) {
  for (auto rule = rules_.begin(); rule != rules_.end();) {
    const auto next = std::next(rule);
    const auto same = std::find(rules.begin(), rules.end(), *rule);
    if (same != rules.end()) {
      rules.erase(same);
    } else {
      table_.remove(*rule);
      removed_.splice(removed_.end(), rules_, rule);
    }
    rule = next;
  }
  for (LimitRule& rule : rules) add(std::move(rule));
}

LimitAnswer RateBook::admit(const ScopeValues& values, RateUse use, SteadyTime now,
                            LimitHold& hold) {
  LimitAnswer answer;
  hold.counters_.clear();
  const auto found = table_.find(values, now, [&](LimitCounter& counter) {
    const LimitRule& rule = *counter.rule;
    hold.counters_.push_back(&counter);
    if (rule.parallel != 0 && counter.running >= rule.parallel) {
      refuse(answer, LimitAnswer::Verdict::parallel, rule, RateKind::requests, {});
    }
    for (std::size_t i = 0; i < rule.rates.size(); ++i) {
      const Rate& rate = rule.rates[i];
      RateBucket& bucket = counter.buckets[i];
      bucket.drain(rate, now);
      const UInt128 wanted = bucket.debt + UInt128(reserved_of(rate, use)) * span_of(rate);
      const UInt128 capacity = capacity_of(rate);
      if (wanted <= capacity) continue;
      refuse(answer, LimitAnswer::Verdict::rate, rule, rate.kind,
             time_to_drain(rate, wanted - capacity));
    }
  });
  if (found == decltype(table_)::Found::too_many_values) {
    answer.verdict = LimitAnswer::Verdict::too_many_values;
  }
  const bool admitted = answer.verdict == LimitAnswer::Verdict::admitted;
  for (LimitCounter* const counter : hold.counters_) {
    if (admitted) {
      ++counter->running;
      for (std::size_t i = 0; i < counter->buckets.size(); ++i) {
        const Rate& rate = counter->rule->rates[i];
        counter->buckets[i].debt += UInt128(reserved_of(rate, use)) * span_of(rate);
      }
    }
    show(*counter, answer);
  }
  hold.reserved_ = use;
  if (!admitted) hold.counters_.clear();
  return answer;
}

void RateBook::cancel(LimitHold& hold, SteadyTime now) {
  for (LimitCounter* const counter : hold.counters_) {
    --counter->running;
    for (std::size_t i = 0; i < counter->buckets.size(); ++i) {
      const Rate& rate = counter->rule->rates[i];
      RateBucket& bucket = counter->buckets[i];
      bucket.drain(rate, now);
      const UInt128 reserved = UInt128(reserved_of(rate, hold.reserved_)) * span_of(rate);
      bucket.debt -= std::min(bucket.debt, reserved);
    }
  }
  hold.counters_.clear();
}

void RateBook::finish(LimitHold& hold, RateUse used, SteadyTime now) {
  for (LimitCounter* const counter : hold.counters_) {
    --counter->running;
    for (std::size_t i = 0; i < counter->buckets.size(); ++i) {
      const Rate& rate = counter->rule->rates[i];
      if (rate.kind == RateKind::requests) continue;
      RateBucket& bucket = counter->buckets[i];
      bucket.drain(rate, now);
      const UInt128 reserved = UInt128(reserved_of(rate, hold.reserved_)) * span_of(rate);
      const UInt128 took = UInt128(taken_of(rate, used)) * span_of(rate);
      if (took >= reserved) {
        bucket.debt += took - reserved;
      } else {
        bucket.debt -= std::min(bucket.debt, reserved - took);
      }
    }
  }
  hold.counters_.clear();
}

}  // namespace farebox
