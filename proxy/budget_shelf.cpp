#include "proxy/budget_shelf.hpp"

#include <openssl/sha.h>

#include <algorithm>

#include "proxy/budget_base_document.hpp"
#include "proxy/budget_document.hpp"

namespace farebox {
namespace {

using Why = ShelfFailure::Why;
using Owner = ShelvedBudget::Owner;

constexpr std::string_view kBudgets = "budget";
// What the API changed of a budget that the configuration owns.
constexpr std::string_view kChanges = "budget_change";

// What budgets had spent of records that are pruned.
constexpr std::string_view kBases = "budget_base";

// A counter's, whatever the budget is called.
std::string base_id(const BudgetSettings& said) {
  return text_of(said.scope) + ' ' + std::string(name_of(said.period)) + ' ' + said.time_zone + ' ' +
         std::to_string(said.week_starts) + ' ' + std::to_string(said.year_starts);
}

// Made of scope and period, and of how many tries it took: a budget keeps its id when it gets
// another scope, and may have the one that is looked for.
std::string make_id(const BudgetSettings& said, const std::vector<ShelvedBudget>& budgets,
                    std::size_t tries = 0) {
  std::string text = text_of(said.scope) + ' ' + std::string(name_of(said.period));
  if (tries != 0) text += ' ' + std::to_string(tries);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  constexpr std::size_t kOctets = 8;
  std::string id = "bgt-";
  for (std::size_t i = 0; i < kOctets; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    id += kDigits[digest[i] >> 4];
    id += kDigits[digest[i] & 15];
  }
  const bool taken = std::any_of(budgets.begin(), budgets.end(), [&](const ShelvedBudget& each) {
    return each.id == id;
  });
  return taken ? make_id(said, budgets, tries + 1) : id;
}

bool say_the_same(const BudgetSettings& a, const BudgetSettings& b) {
  return a.name == b.name || (a.scope == b.scope && a.period == b.period);
}

// Those of the API that the configuration has an opinion on are out of force.
void mark_shadowed(std::vector<ShelvedBudget>& budgets) {
  for (ShelvedBudget& budget : budgets) {
    budget.shadowed =
        budget.owner == Owner::api &&
        std::any_of(budgets.begin(), budgets.end(), [&](const ShelvedBudget& other) {
          return other.owner == Owner::config && say_the_same(other.order.said, budget.order.said);
        });
  }
}

ShelfFailure owned_by_config(const ShelvedBudget& budget) {
  return {Why::owned_by_config,
          "budget '" + budget.order.said.name + "' stands in the configuration file, which owns it; "
          "change it there and reload"};
}

ShelfFailure store_failed(const Error& error) {
  return {Why::store_failed, "the budget can't be kept: " + error.context};
}

}  // namespace

Result<void> BudgetShelf::adopt(const Settings& settings, std::chrono::milliseconds longest_call) {
  const std::lock_guard lock(mutex_);
  std::vector<ShelvedBudget> budgets;
  for (const BudgetSettings& said : settings.budgets) {
    ShelvedBudget& budget = budgets.emplace_back();
    budget.id = said.name;
    budget.order.said = said;
    budget.alerts_enabled = said.alerts_enabled;
    const auto changes = documents_.get(kChanges, budget.id);
    if (!changes) return changes.error();
    if (!*changes) continue;
    if (const auto read = read_budget(**changes, budget); !read) return read;
  }
  // The first time is before the first call.
  const bool running = std::exchange(read_, true);
  if (!running) {
    if (const auto done = read_documents(); !done) return done;
  }
  for (ShelvedBudget& budget : budgets_) {
    if (budget.owner == Owner::api) budgets.push_back(std::move(budget));
  }
  mark_shadowed(budgets);
  for (const ShelvedBudget& budget : budgets) {
    if (!budget.shadowed) continue;
    log_.warn("a budget of the admin API is not in force: the configuration says another of the "
              "same name or scope", {{"budget", budget.order.said.name}, {"id", budget.id}});
  }
  limits_ = settings.rate_limits;
  longest_call_ = running ? longest_call : std::chrono::milliseconds(0);
  budgets_ = std::move(budgets);
  const auto done = enforce(budgets_);
  longest_call_ = longest_call;
  return done;
}

Result<void> BudgetShelf::read_documents() {
  Result<void> done;
  const auto read = documents_.each(kBudgets, [&](std::string_view id, std::string_view json) {
    ShelvedBudget& budget = budgets_.emplace_back();
    budget.id = id;
    budget.owner = Owner::api;
    done = read_budget(json, budget);
    return static_cast<bool>(done);
  });
  return read ? done : read;
}

// Those in force, with what the ledger has forgotten of them.
Result<std::vector<BudgetOrder>> BudgetShelf::orders_of(const std::vector<ShelvedBudget>& budgets) {
  std::vector<BudgetOrder> orders;
  for (const ShelvedBudget& budget : budgets) {
    if (budget.shadowed) continue;
    orders.push_back(budget.order);
    const auto kept = documents_.get(kBases, base_id(budget.order.said));
    if (!kept) return kept.error();
    if (!*kept) continue;
    auto base = read_budget_base(**kept);
    if (!base) return base.error();
    orders.back().base = std::make_shared<const BudgetBase>(std::move(*base));
  }
  return orders;
}

Result<void> BudgetShelf::enforce(const std::vector<ShelvedBudget>& budgets) {
  const auto orders = orders_of(budgets);
  if (!orders) return orders.error();
  return governor_.adopt(*orders, limits_, ledger_, longest_call_);
}

// The bases are kept first: a crash in between leaves records that they cover already, and those
// are counted by the base alone.
Result<void> BudgetShelf::fold(std::uint64_t first, const std::function<Result<void>()>& prune) {
  const std::lock_guard lock(mutex_);
  const auto orders = orders_of(budgets_);
  if (!orders) return orders.error();
  const auto bases = governor_.fold(*orders, ledger_, first);
  if (!bases) return bases.error();
  for (std::size_t i = 0; i < bases->size(); ++i) {
    const BudgetBase& base = (*bases)[i];
    if (base.rows.empty() && !(*orders)[i].base) continue;
    const auto put = documents_.put(kBases, base_id((*orders)[i].said), write_budget_base(base));
    if (!put) return put;
  }
  return prune();
}

BudgetShelf::Answer<void> BudgetShelf::keep(std::vector<ShelvedBudget> changed,
                                            const ShelvedBudget& written) {
  const std::string_view kind = written.owner == Owner::api ? kBudgets : kChanges;
  const auto put = documents_.put(kind, written.id, write_budget(written));
  if (!put) return store_failed(put.error());
  mark_shadowed(changed);
  budgets_ = std::move(changed);
  if (const auto done = enforce(budgets_); !done) return store_failed(done.error());
  return {};
}

BudgetShelf::Answer<ShelvedBudget> BudgetShelf::find(std::string_view id) const {
  for (const ShelvedBudget& budget : budgets_) {
    if (budget.id == id) return budget;
  }
  return ShelfFailure{Why::not_found, "there is no budget with this id; GET /api/budgets lists them"};
}

BudgetShelf::Answer<BudgetShelf::Put> BudgetShelf::put(std::string id, BudgetSettings said,
                                                       bool alerts_enabled) {
  const std::lock_guard lock(mutex_);
  std::vector<ShelvedBudget> changed = budgets_;
  auto known = std::find_if(changed.begin(), changed.end(), [&](const ShelvedBudget& each) {
    return id.empty() ? each.order.said.scope == said.scope && each.order.said.period == said.period
                      : each.id == id;
  });
  if (known == changed.end() && !id.empty()) return find(id).error();
  if (known != changed.end() && known->owner == Owner::config) return owned_by_config(*known);
  const bool created = known == changed.end();
  if (created) {
    std::string new_id = make_id(said, changed);
    ShelvedBudget& budget = changed.emplace_back();
    budget.id = std::move(new_id);
    budget.owner = Owner::api;
    known = std::prev(changed.end());
  }
  if (said.name.empty()) {
    said.name = created ? text_of(said.scope) + ' ' + std::string(name_of(said.period))
                        : known->order.said.name;
  }
  for (const ShelvedBudget& other : budgets_) {
    if (other.id != known->id && other.order.said.name == said.name) {
      return ShelfFailure{Why::name_taken, "another budget is called '" + said.name +
                                               "'; names are unique, choose another"};
    }
    const bool same = other.order.said.scope == said.scope && other.order.said.period == said.period;
    if (other.id != known->id && other.owner == Owner::api && same) {
      return ShelfFailure{Why::scope_taken, "budget '" + other.order.said.name +
                                                "' has this scope and period; change that one"};
    }
  }
  known->order.said = std::move(said);
  known->alerts_enabled = alerts_enabled;
  const ShelvedBudget written = *known;
  if (const auto kept = keep(std::move(changed), written); !kept) return kept.error();
  return Put{written.id, created};
}

BudgetShelf::Answer<void> BudgetShelf::remove(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = find(id);
  if (!found) return found.error();
  if (found->owner == Owner::config) return owned_by_config(*found);
  if (const auto erased = documents_.erase(kBudgets, id); !erased) {
    return store_failed(erased.error());
  }
  std::erase_if(budgets_, [&](const ShelvedBudget& each) { return each.id == id; });
  if (const auto done = enforce(budgets_); !done) return store_failed(done.error());
  return {};
}

BudgetShelf::Answer<void> BudgetShelf::override_limit(std::string_view id,
                                                      std::optional<BudgetRule::Override> limit,
                                                      std::string reason) {
  const std::lock_guard lock(mutex_);
  auto found = find(id);
  if (!found) return found.error();
  found->order.limit_override = limit;
  found->reason = std::move(reason);
  std::vector<ShelvedBudget> changed = budgets_;
  for (ShelvedBudget& each : changed) {
    if (each.id == id) each = *found;
  }
  return keep(std::move(changed), *found);
}

BudgetShelf::Answer<BudgetRule::Override> BudgetShelf::top_up(std::string_view id, Money amount,
                                                              std::string reason) {
  const std::lock_guard lock(mutex_);
  auto found = find(id);
  if (!found) return found.error();
  const auto rule = budget_rule(found->order);
  if (!rule) return ShelfFailure{Why::unusable, rule.error().context};
  const WallTime now = clock_.wall_now();
  std::optional<BudgetRule::Override>& added = found->order.top_up;
  if (!added || added->until <= now) added = {Money(), rule->period.window_at(now).end};
  added->limit += amount;
  found->reason = std::move(reason);
  std::vector<ShelvedBudget> changed = budgets_;
  for (ShelvedBudget& each : changed) {
    if (each.id == id) each = *found;
  }
  if (const auto kept = keep(std::move(changed), *found); !kept) return kept.error();
  return *added;
}

std::vector<ShelvedBudget> BudgetShelf::list() const {
  const std::lock_guard lock(mutex_);
  return budgets_;
}

}  // namespace farebox
