// AlertBook: decides which alerts fire, and when one that fired is over.
//
// A threshold of a budget fires once for each window and combination of values. It is armed
// again when the window is over, or when what it stands at (limit * threshold) is raised above
// the spend; spend that merely shrinks, as after a crash, arms nothing. What refuses, is
// without a price or can't write fires once, and again after it has been well in between.
//
// What was told is what it goes by, not how often: whoever isn't sure tells it again. Bounded:
// beyond `most` combinations the one that fired longest ago is forgotten, and may then fire a
// second time in its window. Time is an argument; not thread-safe.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/alert.hpp"

namespace farebox {

class AlertBook {
 public:
  struct Change {
    enum class What : std::uint8_t { fires, ends };
    What what = What::fires;
    AlertKind kind = AlertKind::test;
    std::string subject;  // of whom: a budget, a limit, a model, a provider
    std::string scope;    // text_of(AlertScope)
    WallTime window_start{};  // of a budget
    AlertMark mark;
  };
  using Changes = std::vector<Change>;

  // A limit that has refused nobody for so long isn't saturated any more.
  static constexpr std::chrono::minutes kQuiet{10};
  static constexpr std::size_t kMostModels = 1'000;

  explicit AlertBook(std::size_t most = 10'000) : most_(most) {}

  Changes observe_budget(const BudgetSight& sight);
  // Fires when even the low end of the band is above the limit that isn't spent yet.
  Changes observe_forecast(const BudgetSight& sight, const BudgetForecast& forecast);
  // Somebody was refused by this limit at `time`.
  Changes observe_refusal(const std::string& limit, const std::string& scope, WallTime time);
  Changes observe_unpriced(const std::string& model);
  Changes observe_breaker(const std::string& provider, bool open);
  Changes observe_ledger(bool writable);
  // What time alone ends.
  Changes pass(WallTime now);
  // Budgets for which it says false are gone.
  Changes keep_budgets(const std::function<bool(std::string_view name)>& there);

  // Would telling it of this budget do anything, though no threshold is reached?
  bool knows_budget(std::string_view name) const { return budgets_.contains(name); }

  // What fired before a restart and isn't over. `window`: of a budget.
  void restore(const Change& fired, const Window& window, WallTime now);
  void restore_model(const std::string& model) { models_.insert(model); }

  std::size_t size() const { return states_.size() + refusals_.size(); }

 private:
  static constexpr std::size_t kThresholds = 4;  // the kinds of budgets
  struct Fired {
    bool is = false;
    AlertMark mark;
  };
  struct State {
    Window window;
    Fired fired[kThresholds];
    std::list<std::string>::iterator place;  // in order_
  };
  using States = std::map<std::string, State, std::less<>>;

  State& state_of(const std::string& subject, const std::string& scope, const Window& window);
  void drop(States::iterator state);
  static Change change_of(Change::What what, AlertKind kind, const std::string& key,
                          const State& state);
  void end_all(Changes& changes, const std::string& key, State& state);

  const std::size_t most_;
  States states_;                  // by budget 0x1F scope
  std::list<std::string> order_;   // keys of states_, the longest silent first
  std::map<std::string, std::size_t, std::less<>> budgets_;  // states of each
  std::map<std::string, WallTime> refusals_;  // by limit 0x1F scope: the last one
  std::set<std::string, std::less<>> models_;
  std::set<std::string, std::less<>> open_breakers_;
  bool ledger_failed_ = false;
};

}  // namespace farebox
