// BudgetShelf: which budgets there are, and whose they are.
//
// Those of the configuration come and go with it; those made by the admin API are documents,
// so restarts and reloads keep them. A name, and a scope with its period, belong to one of
// them only: the configuration goes first, and a budget of the API's that says the same is
// kept but shadowed. Whoever looks is told who owns what.
//
// Thread-safe. Reads and writes disk: never on a worker.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/base/log.hpp"
#include "policy/rules.hpp"
#include "proxy/governor.hpp"
#include "storage/document_store.hpp"

namespace farebox {

struct ShelvedBudget {
  enum class Owner : std::uint8_t { config, api };

  std::string id;
  Owner owner = Owner::config;
  BudgetOrder order;
  bool alerts_enabled = true;
  bool shadowed = false;  // not in force: the configuration says something else of the same
  std::string reason;     // of the last override or top-up
};

// Why the shelf didn't do as it was told; `text` is for whoever asked.
struct ShelfFailure {
  enum class Why : std::uint8_t {
    not_found,
    owned_by_config,
    name_taken,
    scope_taken,
    unusable,
    store_failed
  };
  Why why = Why::not_found;
  std::string text;
};

[[noreturn]] inline void throw_exception_from_error(const ShelfFailure&,
                                                    const boost::source_location& where) {
  check_failed("result of the budget shelf not checked", where.file_name(),
               static_cast<int>(where.line()));
}

class BudgetShelf {
 public:
  template <class T>
  using Answer = boost::system::result<T, ShelfFailure>;

  BudgetShelf(DocumentStore& documents, Governor& governor, const Ledger& ledger,
              const Clock& clock, Logger& log)
      : documents_(documents), governor_(governor), ledger_(ledger), clock_(clock), log_(log) {}

  // What the configuration says from now on; the first time before the first call. No call
  // lasts longer than `longest_call`.
  // Errors: of the documents, the ledger, or invalid_config.
  Result<void> adopt(const Settings& settings, std::chrono::milliseconds longest_call);

  // Creates it, or changes the one with this id or, without one, with this scope and period.
  struct Put {
    std::string id;
    bool created = false;
  };
  Answer<Put> put(std::string id, BudgetSettings said, bool alerts_enabled);

  Answer<void> remove(std::string_view id);

  // Another limit until then; nothing: the usual one again. Whoever owns the budget.
  Answer<void> override_limit(std::string_view id,
                                        std::optional<BudgetRule::Override> limit,
                                        std::string reason);
  // More money for the window that runs; several add up. All that was added is in the answer,
  // with its end.
  Answer<BudgetRule::Override> top_up(std::string_view id, Money amount, std::string reason);

  // `prune` makes records before `first` go: what budgets had spent of them is kept before that.
  // On the ledger's thread. Errors: of the documents, of the ledger, of `prune`.
  Result<void> fold(std::uint64_t first, const std::function<Result<void>()>& prune);

  std::vector<ShelvedBudget> list() const;

 private:
  Result<void> read_documents();
  Result<std::vector<BudgetOrder>> orders_of(const std::vector<ShelvedBudget>& budgets);
  Result<void> enforce(const std::vector<ShelvedBudget>& budgets);
  // Writes the changed budget, then enforces what there is; what fails changes nothing.
  Answer<void> keep(std::vector<ShelvedBudget> changed, const ShelvedBudget& written);
  Answer<ShelvedBudget> find(std::string_view id) const;

  DocumentStore& documents_;
  Governor& governor_;
  const Ledger& ledger_;
  const Clock& clock_;
  Logger& log_;

  mutable std::mutex mutex_;  // of the rest
  bool read_ = false;
  std::vector<ShelvedBudget> budgets_;  // those of the configuration first
  std::vector<RateLimitSettings> limits_;
  std::chrono::milliseconds longest_call_{0};
};

}  // namespace farebox
