// Foresight: looks once an hour at what the ledger's sums foretell, for alerts: budgets that will
// be spent before their window ends, and spend that is out of the usual.
//
// Reads from disk: never on a worker. One thread at a time.
#pragma once

#include <optional>

#include "config/base/log.hpp"
#include "proxy/alert_desk.hpp"
#include "proxy/anomaly_watch.hpp"

namespace farebox {

class Foresight {
 public:
  // Budgets that are looked at each time: those that are nearest to their limits.
  static constexpr std::size_t kMostBudgets = 100;

  // All must outlive it.
  Foresight(const Ledger& ledger, Governor& governor, AlertDesk& alerts, const Clock& clock,
            Logger& log)
      : ledger_(ledger), governor_(governor), alerts_(alerts), clock_(clock), log_(log) {}

  // Does nothing until an hour of the calendar is over that it hasn't looked at.
  void look();

 private:
  void look_at_budgets(WallTime now);
  void look_at_spend(WallTime now);

  const Ledger& ledger_;
  Governor& governor_;
  AlertDesk& alerts_;
  const Clock& clock_;
  Logger& log_;
  AnomalyWatch anomalies_{AnomalyWatch::Options{}};
  std::optional<WallTime> looked_;  // the hour it looked in last
};

}  // namespace farebox
