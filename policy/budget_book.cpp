#include "policy/budget_book.hpp"

#include <algorithm>

namespace farebox {
namespace {

constexpr Int128 kMillion = 1'000'000;

Money positive(Money amount) { return std::max(amount, Money()); }

bool reaches(Money spent, Money limit, std::uint32_t millionths) {
  // Limits are far below the 1e26 dollars at which this would overflow 128 bits.
  return spent.picodollars() * kMillion >= limit.picodollars() * Int128(millionths);
}

bool reaches(Tokens spent, Tokens limit, std::uint32_t millionths) {
  return UInt128(spent) * UInt128(kMillion) >= UInt128(limit) * millionths;
}

// By whichever is nearer to its limit, money or tokens.
BudgetStatus status_of(const BudgetCounter& counter, Money limit) {
  const BudgetRule& rule = *counter.rule;
  const auto at = [&](std::uint32_t millionths) {
    return reaches(counter.spent, limit, millionths) ||
           (rule.token_limit && reaches(counter.spent_tokens, *rule.token_limit, millionths));
  };
  if (at(1'000'000)) return BudgetStatus::exceeded;
  if (at(rule.critical_millionths)) return BudgetStatus::critical;
  return at(rule.warning_millionths) ? BudgetStatus::warning : BudgetStatus::ok;
}

Money limit_of(const BudgetCounter& counter, WallTime now) {
  return counter.rule->limit_at(now) + counter.carried;
}

Tokens less(Tokens from, Tokens taken) { return from > taken ? from - taken : 0; }

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

// What a counter has left, for somebody who needs `ask`.
struct BudgetBook::Room {
  Money free;     // neither spent nor held
  Money unspent;  // not spent
  Tokens free_tokens = ~Tokens{0};
  Tokens unspent_tokens = ~Tokens{0};

  Room(const BudgetCounter& counter, WallTime now)
      : free(limit_of(counter, now) - counter.spent - counter.held),
        unspent(limit_of(counter, now) - counter.spent) {
    if (!counter.rule->token_limit) return;
    unspent_tokens = less(*counter.rule->token_limit, counter.spent_tokens);
    free_tokens = less(unspent_tokens, counter.held_tokens);
  }

  bool covers(const BudgetAmount& amount, std::uint32_t times = 1) const {
    if (times == 1) return amount.money <= free && amount.tokens <= free_tokens;
    return amount.money.picodollars() <= free.picodollars() / times &&
           amount.tokens <= free_tokens / times;
  }
  bool could_cover(const BudgetAmount& amount) const {
    return amount.money <= unspent && amount.tokens <= unspent_tokens;
  }
};

BudgetRule& BudgetBook::add(BudgetRule rule) {
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

// Opens the window that `now` falls into, unless that one or a later one is open.
void BudgetBook::turn(BudgetCounter& counter, WallTime now) {
  if (counter.window_number != 0 && now < counter.window.end) return;
  const Window before = counter.window;
  counter.window = counter.rule->period.window_at(now);
  const bool follows = counter.window_number != 0 && before.end == counter.window.start;
  const Money left = limit_of(counter, before.start) - counter.spent - counter.held;
  // Never more than a whole limit, or years of silence would add up.
  counter.carried = counter.rule->rollover && follows
                        ? std::min(positive(left), counter.rule->limit)
                        : Money();
  ++counter.window_number;
  counter.spent = counter.held = Money();
  counter.spent_tokens = counter.held_tokens = 0;
  counter.would_refuse = 0;
}

BudgetAnswer BudgetBook::hold(const ScopeValues& values, const BudgetAsk& ask, WallTime now,
                              BudgetHold& hold) {
  using Verdict = BudgetAnswer::Verdict;
  BudgetAnswer answer;
  answer.granted = ask.wanted;
  hold.entries_.clear();
  const auto found = table_.find(values, now, [&](BudgetCounter& counter) {
    turn(counter, now);
    const BudgetRule& rule = *counter.rule;
    // Nobody waits for a budget that refuses nobody; its owner counts the call when it ends.
    if (rule.seeding && rule.on_exceeded != OnExceeded::block) return;
    hold.entries_.push_back({&counter, counter.window_number});
    const Room room(counter, now);
    if (rule.on_exceeded == OnExceeded::block) {
      Verdict verdict = Verdict::held;
      if (ask.bound != BudgetAsk::Bound::known) verdict = Verdict::unknown_cost;
      else if (!room.could_cover(ask.least)) verdict = Verdict::exceeded;
      else if (rule.seeding || !room.covers(ask.least, ask.spare)) verdict = Verdict::in_flight;
      // Money that is gone outweighs money that may come back.
      const bool outweighs = answer.by == nullptr || answer.verdict == Verdict::in_flight;
      if (verdict != Verdict::held && outweighs) {
        answer.verdict = verdict;
        answer.by = &rule;
        answer.window_end = counter.window.end;
        answer.by_limit = limit_of(counter, now);
        answer.by_left = positive(room.unspent);
        answer.by_tokens_left.reset();
        if (ask.least.tokens > room.unspent_tokens) answer.by_tokens_left = room.unspent_tokens;
      }
      const Money share = Money::picodollars(room.free.picodollars() / ask.share);
      answer.granted.money =
          std::min(answer.granted.money, std::max(share, ask.least.money));
      answer.granted.tokens = std::min(answer.granted.tokens,
                                       std::max(room.free_tokens / ask.share, ask.least.tokens));
    } else if (!room.covers(ask.least)) {
      if (rule.on_exceeded == OnExceeded::downgrade) answer.downgrade = &rule;
      if (rule.on_exceeded == OnExceeded::throttle) answer.throttle = &rule;
    }
  });
  if (found == decltype(table_)::Found::too_many_values) answer.verdict = Verdict::too_many_values;
  const bool held = answer.verdict == Verdict::held;
  for (const BudgetHold::Entry& entry : hold.entries_) {
    BudgetCounter& counter = *entry.counter;
    if (held) {
      // Told once for each call, however often it asks.
      const bool audits = counter.rule->on_exceeded == OnExceeded::audit;
      if (audits && !Room(counter, now).covers(ask.least)) ++counter.would_refuse;
      ++counter.open;
      counter.held += answer.granted.money;
      counter.held_tokens += answer.granted.tokens;
    }
    const Money limit = limit_of(counter, now);
    if (counter.rule->on_exceeded == OnExceeded::block) {
      const Money left = positive(limit - counter.spent - counter.held);
      answer.remaining = answer.remaining ? std::min(*answer.remaining, left) : left;
    }
    const BudgetStatus status = status_of(counter, limit);
    if (answer.worst == nullptr || status > answer.status) {
      answer.status = status;
      answer.worst = counter.rule;
    }
  }
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
    const BudgetCounter& counter = *entry.counter;
    if (counter.rule->on_exceeded != OnExceeded::block) continue;
    // Its window has ended, and what was left of it is gone: nobody knows what may still be spent.
    if (entry.window_number != counter.window_number) return Verdict::exceeded;
    const Room room(counter, now);
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

void BudgetBook::end(BudgetHold& hold, const BudgetAmount* used) {
  for (const BudgetHold::Entry& entry : hold.entries_) {
    BudgetCounter& counter = *entry.counter;
    --counter.open;
    if (entry.window_number == counter.window_number) {
      counter.held -= hold.amount_.money;
      counter.held_tokens -= hold.amount_.tokens;
      if (used == nullptr) continue;
      counter.spent += used->money;
      counter.spent_tokens += used->tokens;
    } else if (counter.rule->rollover && entry.window_number + 1 == counter.window_number) {
      // It was taken for used when its window ended.
      counter.carried += hold.amount_.money - (used == nullptr ? Money() : used->money);
      counter.carried = positive(counter.carried);
    }
  }
  hold.entries_.clear();
  hold.amount_ = {};
}

void BudgetBook::take(const ScopeValues& values, const BudgetAmount& amount, WallTime time,
                      WallTime now, const BudgetRule& only, BudgetHold& hold) {
  table_.find(values, now, [&](BudgetCounter& counter) {
    if (counter.rule != &only) return;
    turn(counter, now);
    if (!counter.window.has(time)) return;
    ++counter.open;
    counter.held += amount.money;
    counter.held_tokens += amount.tokens;
    hold.entries_.push_back({&counter, counter.window_number});
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
    turn(counter, time);
    if (counter.window.has(time)) {
      counter.spent += used.money;
      counter.spent_tokens += used.tokens;
    } else if (counter.rule->rollover && counter.window_number > 1) {
      // Of a window before: what it left was carried over as unused.
      counter.carried = positive(counter.carried - used.money);
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
      turn(counter, row.window);
      counter.spent += row.spent;
      counter.spent_tokens += row.tokens;
      counter.carried = row.carried;
    });
  }
}

BudgetStanding BudgetBook::standing_of(const BudgetCounter& counter, WallTime now) {
  BudgetStanding standing;
  standing.limit = limit_of(counter, now);
  standing.spent = counter.spent;
  standing.carried = counter.carried;
  standing.held = counter.held;
  standing.remaining = positive(standing.limit - counter.spent - counter.held);
  standing.spent_tokens = counter.spent_tokens;
  standing.held_tokens = counter.held_tokens;
  standing.status = status_of(counter, standing.limit);
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
    turn(counter, now);
    BudgetStanding standing = standing_of(counter, now);
    standing.values = values;
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
    turn(unmet, now);
    std::vector<std::string_view> values;
    for (const ScopePart& part : parts) values.push_back(part.value);
    BudgetStanding standing = standing_of(unmet, now);
    standing.values = values;
    visit(rule, standing);
  }
  return false;
}

}  // namespace farebox
