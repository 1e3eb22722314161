#include "policy/budget_book.hpp"

#include <algorithm>

namespace farebox {
namespace {

constexpr Int128 kNever = ~UInt128{0} >> 1;  // no amount is as much

// By value: references would send amounts through memory.
Money lesser(Money a, Money b) { return b < a ? b : a; }
Money greater(Money a, Money b) { return a < b ? b : a; }
Money positive(Money amount) { return greater(amount, Money()); }

Tokens less(Tokens from, Tokens taken) { return from > taken ? from - taken : 0; }

}  // namespace

// What a counter has left, for somebody who needs `ask`.
struct BudgetBook::Room {
  Money free;     // neither spent nor held
  Money unspent;  // not spent
  Tokens free_tokens = ~Tokens{0};
  Tokens unspent_tokens = ~Tokens{0};

  explicit Room(const BudgetCounter& counter) : unspent(counter.terms.limit - counter.spent) {
    free = unspent - counter.held;
    if (counter.terms.token_limit == BudgetCounter::kNoTokens) return;
    unspent_tokens = less(counter.terms.token_limit, counter.spent_tokens);
    free_tokens = less(unspent_tokens, counter.held_tokens);
  }

  bool covers(const BudgetAmount& amount, std::uint32_t times = 1) const {
    if (times == 1) return amount.money <= free && amount.tokens <= free_tokens;
    return amount.money.picodollars() <= free.picodollars() / times &&
           amount.tokens <= free_tokens / times;
  }
  // Of what is free, one part in so many.
  Money free_part(std::uint32_t parts) const {
    return parts == 1 ? free : Money::picodollars(free.picodollars() / parts);
  }
  bool could_cover(const BudgetAmount& amount) const {
    return amount.money <= unspent && amount.tokens <= unspent_tokens;
  }
};

BudgetRule& BudgetBook::add(BudgetRule rule) {
  changed();
  BudgetRule& kept = rules_.emplace_back(std::move(rule));
  table_.add(kept, kept.scope);
  return kept;
}

bool BudgetBook::remove(std::string_view id) {
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    if (rule->id != id) continue;
    table_.remove(*rule);
    removed_.splice(removed_.end(), rules_, rule);
    return true;
  }
  return false;
}

BudgetRule* BudgetBook::find(std::string_view id) {
  for (BudgetRule& rule : rules_) {
    if (rule.id == id) return &rule;
  }
  return nullptr;
}

BudgetAnswer BudgetBook::hold(const ScopeValues& values, const BudgetAsk& ask, WallTime now,
                              BudgetHold& hold) {
  using Verdict = BudgetAnswer::Verdict;
  BudgetAnswer answer;
  answer.granted.tokens = ask.wanted.tokens;
  Money most = ask.wanted.money, left = Money::picodollars(kNever);
  hold.entries_.clear();
  const auto found = table_.find(values, now, [&](BudgetCounter& counter) {
    counter.turn(now);
    counter.refresh(now, version_);
    const BudgetCounter::Terms& terms = counter.terms;
    const bool blocks = terms.on_exceeded == OnExceeded::block;
    // Nobody waits for a budget that refuses nobody; its owner counts the call when it ends.
    if (terms.seeding && !blocks) return;
    hold.entries_.emplace_back(counter);
    const Room room(counter);
    if (blocks) {
      Verdict verdict = Verdict::held;
      if (ask.bound != BudgetAsk::Bound::known) verdict = Verdict::unknown_cost;
      else if (!room.could_cover(ask.least)) verdict = Verdict::exceeded;
      else if (terms.seeding || !room.covers(ask.least, ask.spare)) verdict = Verdict::in_flight;
      // Money that is gone outweighs money that may come back.
      const bool outweighs = answer.by == nullptr || answer.verdict == Verdict::in_flight;
      if (verdict != Verdict::held && outweighs) {
        answer.verdict = verdict;
        answer.by = counter.rule;
        answer.window_end = counter.window.end;
        answer.by_limit = terms.limit;
        answer.by_left = positive(room.unspent);
        answer.by_tokens_left.reset();
        if (ask.least.tokens > room.unspent_tokens) answer.by_tokens_left = room.unspent_tokens;
      }
      most = lesser(most, greater(room.free_part(ask.share), ask.least.money));
      answer.granted.tokens =
          std::min(answer.granted.tokens, std::max(room.free_tokens / ask.share, ask.least.tokens));
    } else if (!room.covers(ask.least)) {
      if (terms.on_exceeded == OnExceeded::downgrade) answer.downgrade = counter.rule;
      if (terms.on_exceeded == OnExceeded::throttle) answer.throttle = counter.rule;
    }
  });
  if (found == decltype(table_)::Found::too_many_values) answer.verdict = Verdict::too_many_values;
  const bool held = answer.verdict == Verdict::held;
  bool blocks = false;
  answer.granted.money = most;
  for (const BudgetHold::Entry& entry : hold.entries_) {
    BudgetCounter& counter = *entry.counter;
    if (held) {
      // Told once for each call, however often it asks.
      const bool audits = counter.terms.on_exceeded == OnExceeded::audit;
      if (audits && !Room(counter).covers(ask.least)) ++counter.would_refuse;
      ++counter.open;
      counter.held += most;
      counter.held_tokens += answer.granted.tokens;
    }
    if (counter.terms.on_exceeded == OnExceeded::block) {
      left = lesser(left, positive(counter.terms.limit - counter.spent - counter.held));
      blocks = true;
    }
    if (answer.worst == nullptr || counter.terms.status > answer.status) {
      answer.status = counter.terms.status;
      answer.worst = counter.rule;
    }
  }
  if (blocks) answer.remaining = left;
  hold.amount_ = answer.granted;
  if (!held) {
    hold.entries_.clear();
    hold.amount_ = {};
    answer.granted = {};
  }
  return answer;
}

BudgetAnswer::Verdict BudgetBook::grow(BudgetHold& hold, const BudgetAmount& more,
                                       WallTime now, std::uint32_t share) {
  using Verdict = BudgetAnswer::Verdict;
  Verdict verdict = Verdict::held;
  for (const BudgetHold::Entry& entry : hold.entries_) {
    BudgetCounter& counter = *entry.counter;
    counter.refresh(now, version_);
    if (counter.terms.on_exceeded != OnExceeded::block) continue;
    // Its window has ended, and what was left of it is gone: nobody knows what may still be spent.
    if (entry.window_number != counter.window_number) return Verdict::exceeded;
    const Room room(counter);
    if (room.covers(more, share)) continue;
    // What this call holds itself doesn't come back to it.
    const BudgetAmount all{more.money + hold.amount_.money, more.tokens + hold.amount_.tokens};
    if (!room.could_cover(all)) return Verdict::exceeded;
    verdict = Verdict::in_flight;
  }
  if (verdict != Verdict::held) return verdict;
  for (const BudgetHold::Entry& entry : hold.entries_) {
    if (entry.window_number != entry.counter->window_number) continue;
    entry.counter->held += more.money;
    entry.counter->held_tokens += more.tokens;
  }
  hold.amount_.money += more.money;
  hold.amount_.tokens += more.tokens;
  return Verdict::held;
}

void BudgetBook::settle(BudgetHold& hold, const BudgetAmount& used) { end(hold, &used); }

void BudgetBook::settle(BudgetHold& hold, const BudgetAmount& used, WallTime now,
                        Crossed& crossed) {
  const Watch watch{now, crossed};
  end(hold, &used, &watch);
}

void BudgetBook::end(BudgetHold& hold, const BudgetAmount* used, const Watch* watch) {
  for (const BudgetHold::Entry& entry : hold.entries_) {
    BudgetCounter& counter = *entry.counter;
    --counter.open;
    if (entry.window_number == counter.window_number) {
      counter.held -= hold.amount_.money;
      counter.held_tokens -= hold.amount_.tokens;
      if (used == nullptr) continue;
      counter.spent += used->money;
      counter.spent_tokens += used->tokens;
      if (watch == nullptr) continue;
      counter.refresh(watch->now, version_);
      if (counter.terms.status <= counter.told) continue;
      counter.told = counter.terms.status;
      watch->crossed.push_back(&counter);
    } else if (counter.rule->rollover && entry.window_number + 1 == counter.window_number) {
      // It was taken for used when its window ended.
      counter.carried += hold.amount_.money - (used == nullptr ? Money() : used->money);
      counter.carried = positive(counter.carried);
      counter.terms.version = 0;
    }
  }
  hold.entries_.clear();
  hold.amount_ = {};
}

void BudgetBook::take(const ScopeValues& values, const BudgetAmount& amount, WallTime time,
                      WallTime now, const BudgetRule& only, BudgetHold& hold) {
  table_.find(values, now, [&](BudgetCounter& counter) {
    if (counter.rule != &only) return;
    counter.turn(now);
    if (!counter.window.has(time)) return;
    ++counter.open;
    counter.held += amount.money;
    counter.held_tokens += amount.tokens;
    hold.entries_.emplace_back(counter);
    hold.amount_ = amount;
  });
}

void BudgetBook::merge(BudgetHold& first, BudgetHold& later) {
  if (first.entries_.empty()) first.amount_ = later.amount_;
  for (const BudgetHold::Entry& entry : later.entries_) {
    BudgetCounter& counter = *entry.counter;
    if (entry.window_number == counter.window_number) {
      counter.held += first.amount_.money - later.amount_.money;
      counter.held_tokens += first.amount_.tokens;
      counter.held_tokens -= later.amount_.tokens;
    }
    first.entries_.push_back(entry);
  }
  later.entries_.clear();
  later.amount_ = {};
}

void BudgetBook::replay(const ScopeValues& values, const BudgetAmount& used, WallTime time,
                        const BudgetRule* only) {
  table_.find(values, time, [&](BudgetCounter& counter) {
    if (only != nullptr && counter.rule != only) return;
    counter.turn(time);
    if (counter.window.has(time)) {
      counter.spent += used.money;
      counter.spent_tokens += used.tokens;
    } else if (counter.rule->rollover && counter.window_number > 1) {
      // Of a window before: what it left was carried over as unused.
      counter.carried = positive(counter.carried - used.money);
      counter.terms.version = 0;
    }
  });
}

void BudgetBook::restore(const BudgetRule& only, const BudgetBase& base) {
  const std::vector<ScopePart>& parts = only.scope.parts();
  for (const BudgetBase::Row& row : base.rows) {
    if (row.values.size() != parts.size()) continue;
    ScopeValues values;
    std::map<std::string, std::string> tags;
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i].put_value(row.values[i], values, tags);
    values.tags = &tags;
    table_.find(values, row.window, [&](BudgetCounter& counter) {
      if (counter.rule != &only) return;
      counter.turn(row.window);
      counter.spent += row.spent;
      counter.spent_tokens += row.tokens;
      counter.carried = row.carried;
      counter.terms.version = 0;
    });
  }
}

const BudgetCounter* BudgetBook::first_refusal(std::string_view id, const ScopeValues& values,
                                               WallTime now) {
  const BudgetCounter* first = nullptr;
  table_.find(values, now, [&](BudgetCounter& counter) {
    if (counter.rule->id != id) return;
    counter.turn(now);
    const Money limit = counter.limit_at(now);
    // Far from its limit it was the call that was too dear.
    const bool near = limit == Money() || counter.status_at(limit) != BudgetStatus::ok;
    if (!near || std::exchange(counter.refusal_told, true)) return;
    first = &counter;
  });
  return first;
}

BudgetStanding BudgetBook::standing_of(const BudgetCounter& counter, WallTime now) {
  BudgetStanding standing;
  standing.limit = counter.limit_at(now);
  standing.spent = counter.spent;
  standing.carried = counter.carried;
  standing.held = counter.held;
  standing.remaining = positive(standing.limit - counter.spent - counter.held);
  standing.spent_tokens = counter.spent_tokens;
  standing.held_tokens = counter.held_tokens;
  standing.status = counter.status_at(standing.limit);
  standing.window = counter.window;
  standing.would_refuse = counter.would_refuse;
  return standing;
}

void BudgetBook::each(WallTime now, const Visit& visit) {
  Walk walk;
  while (each_part(walk, 1'000, now, visit)) {
  }
}

bool BudgetBook::each_part(Walk& walk, std::size_t most, WallTime now, const Visit& visit) {
  const auto look = [&](std::span<const std::string_view> values, BudgetCounter& counter) {
    counter.turn(now);
    BudgetStanding standing = standing_of(counter, now);
    standing.values = values;
    counter.told = standing.status;
    walk.met.insert(counter.rule);
    visit(*counter.rule, standing);
  };
  walk.at = table_.each_of(walk.at, most, look);
  if (walk.at != 0) return true;
  for (BudgetRule& rule : rules_) {
    const auto& parts = rule.scope.parts();
    const bool each = std::any_of(parts.begin(), parts.end(), [](const ScopePart& part) {
      return part.each;
    });
    if (each || walk.met.contains(&rule)) continue;
    BudgetCounter unmet(rule);
    unmet.turn(now);
    std::vector<std::string_view> values;
    for (const ScopePart& part : parts) values.push_back(part.value);
    BudgetStanding standing = standing_of(unmet, now);
    standing.values = values;
    visit(rule, standing);
  }
  return false;
}

}  // namespace farebox
