// BudgetFinder: which counter of which budget somebody means.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "proxy/budget_shelf.hpp"

namespace farebox {

// What was said of it; what is empty wasn't.
struct BudgetSought {
  std::string budget;  // its id, or its name
  std::string project;
  std::string period;  // such as monthly
  std::vector<std::pair<std::string, std::string>> scope;  // dimensions and their values

  bool says_nothing() const {
    return budget.empty() && project.empty() && period.empty() && scope.empty();
  }
};

// One counter as it stood at one moment.
struct BudgetFound {
  std::string id;
  BudgetRule rule;  // a copy
  std::vector<std::string> values;  // as the rule's scope has parts
  BudgetStanding standing;          // without values
};

struct BudgetNotFound {
  enum class Why : std::uint8_t { none, not_in_force, not_counted, several };
  Why why = Why::none;
  std::string text;  // for whoever asked
};

[[noreturn]] inline void throw_exception_from_error(const BudgetNotFound&,
                                                    const boost::source_location& where) {
  check_failed("result of the search for a budget not checked", where.file_name(),
               static_cast<int>(where.line()));
}

// The only counter that fits, or among several the only one whose scope has no other
// dimension than those that were said. Takes its time: never on a worker.
boost::system::result<BudgetFound, BudgetNotFound> find_budget(const BudgetShelf& shelf,
                                                               Governor& governor,
                                                               const BudgetSought& sought);

// "project=search, user=ann"; "every call" for a scope without parts.
std::string text_of(const BudgetFound& found);

}  // namespace farebox
