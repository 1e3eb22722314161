#include "proxy/budget_finder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/budget_document.hpp"

namespace farebox {
namespace {

using Why = BudgetNotFound::Why;

// Of those that fit, so many are named.
constexpr std::size_t kMostNamed = 5;

bool fits(const ShelvedBudget& budget, const BudgetSought& sought) {
  const BudgetSettings& said = budget.order.said;
  return (sought.budget.empty() || sought.budget == budget.id || sought.budget == said.name) &&
         (sought.period.empty() || sought.period == name_of(said.period));
}

bool has(const BudgetFound& found, const std::string& dimension, const std::string& value) {
  const auto& parts = found.rule.scope.parts();
  for (std::size_t i = 0; i < parts.size() && i < found.values.size(); ++i) {
    if (parts[i].name() == dimension) return found.values[i] == value;
  }
  return false;
}

bool fits(const BudgetFound& found, const BudgetSought& sought) {
  return (sought.project.empty() || has(found, "project", sought.project)) &&
         std::all_of(sought.scope.begin(), sought.scope.end(), [&](const auto& part) {
           return has(found, part.first, part.second);
         });
}

std::size_t dimensions_of(const BudgetSought& sought) {
  const bool twice = std::any_of(sought.scope.begin(), sought.scope.end(),
                                 [](const auto& part) { return part.first == "project"; });
  return sought.scope.size() + (sought.project.empty() || twice ? 0 : 1);
}

BudgetNotFound none(const std::vector<ShelvedBudget>& fitting) {
  for (const ShelvedBudget& budget : fitting) {
    if (budget.shadowed) {
      return {Why::not_in_force,
              fmt::format("budget '{}' is not in force: the configuration says another of the same "
                          "name or scope; ask for that one", budget.order.said.name)};
    }
  }
  if (!fitting.empty()) {
    return {Why::not_counted,
            fmt::format("budget '{}' has counted nobody of whom you ask; GET /api/budgets lists its "
                        "counters", fitting.front().order.said.name)};
  }
  return {Why::none, "there is no such budget; GET /api/budgets lists them"};
}

BudgetNotFound several(const std::vector<BudgetFound>& found) {
  std::string list;
  for (std::size_t i = 0; i < std::min(found.size(), kMostNamed); ++i) {
    list += fmt::format("{}'{}' of {}", i == 0 ? "" : "; ", found[i].rule.name, text_of(found[i]));
  }
  return {Why::several,
          fmt::format("{} counters fit ({}{}); say which with budgetId, and with scope=user=ann for "
                      "one value of a \"*\"", found.size(), list,
                      found.size() > kMostNamed ? "; ..." : "")};
}

}  // namespace

std::string text_of(const BudgetFound& found) {
  std::string text;
  const auto& parts = found.rule.scope.parts();
  for (std::size_t i = 0; i < parts.size() && i < found.values.size(); ++i) {
    text += fmt::format("{}{}={}", i == 0 ? "" : ", ", parts[i].name(), found.values[i]);
  }
  return text.empty() ? "every call" : text;
}

boost::system::result<BudgetFound, BudgetNotFound> find_budget(const BudgetShelf& shelf,
                                                               Governor& governor,
                                                               const BudgetSought& sought) {
  std::vector<ShelvedBudget> fitting = shelf.list();
  std::erase_if(fitting, [&](const ShelvedBudget& budget) { return !fits(budget, sought); });
  std::vector<BudgetFound> found;
  governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) {
    const auto budget = std::find_if(fitting.begin(), fitting.end(), [&](const auto& each) {
      return !each.shadowed && each.order.said.name == rule.id;
    });
    if (budget == fitting.end()) return;
    BudgetFound counter{budget->id, rule, {standing.values.begin(), standing.values.end()}, standing};
    counter.standing.values = {};
    if (fits(counter, sought)) found.push_back(std::move(counter));
  });
  if (found.empty()) return none(fitting);
  if (found.size() == 1) return std::move(found.front());
  const auto exact = [&](const BudgetFound& each) {
    return each.rule.scope.parts().size() == dimensions_of(sought);
  };
  if (std::count_if(found.begin(), found.end(), exact) != 1) return several(found);
  return std::move(*std::find_if(found.begin(), found.end(), exact));
}

}  // namespace farebox
