// Foresight: looks once an hour at what the ledger's sums foretell, for alerts: budgets that will
// be spent before their window ends, spend that is out of the usual, and storms of retries.
//
// Reads from disk: never on a worker. One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "config/base/log.hpp"
#include "policy/retry_storms.hpp"
#include "proxy/alert_desk.hpp"
#include "proxy/anomaly_watch.hpp"
#include "storage/octet_store.hpp"

namespace farebox {

class Foresight {
 public:
  // Budgets that are looked at each time: those that are nearest to their limits.
  static constexpr std::size_t kMostBudgets = 100;

  // All must outlive it. `retries`: where it keeps what is usual of them; null: nowhere.
  Foresight(const Ledger& ledger, Governor& governor, AlertDesk& alerts, Metrics& metrics,
            std::unique_ptr<OctetStore> retries, const Clock& clock, Logger& log)
      : ledger_(ledger),
        governor_(governor),
        alerts_(alerts),
        metrics_(metrics),
        retries_(std::move(retries)),
        clock_(clock),
        log_(log) {}

  // Does nothing until an hour of the calendar is over that it hasn't looked at.
  void look();

 private:
  void look_at_budgets(WallTime now);
  void look_at_spend(WallTime now);
  void look_at_retries(WallTime hour);
  void remember_retries();

  const Ledger& ledger_;
  Governor& governor_;
  AlertDesk& alerts_;
  Metrics& metrics_;
  const std::unique_ptr<OctetStore> retries_;
  const Clock& clock_;
  Logger& log_;
  AnomalyWatch anomalies_{AnomalyWatch::Options{}};
  RetryStorms storms_;
  std::optional<WallTime> looked_;  // the hour it looked in last
};

}  // namespace farebox
