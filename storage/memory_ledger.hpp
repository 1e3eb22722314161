// MemoryLedger: the newest records, in memory. Bounded, lost at the end; for tests and
// for runs that need no memory of their own. Thread-safe: one short lock.
//
// It must agree with RocksLedger: both pass the same script (ledger_script_test.cpp).
#pragma once

#include <mutex>
#include <unordered_map>
#include <vector>

#include "storage/ledger.hpp"

namespace farebox {

class MemoryLedger final : public Ledger {
 public:
  explicit MemoryLedger(std::size_t capacity) : capacity_(capacity) { CHECK(capacity_ != 0); }

  HoldId make_hold_id() override;
  // Written before it returns; the sink is told inside the call.
  Turn submit(Turn turn) override;
  Result<RecordPage> records(const RecordFilter& filter, std::size_t limit,
                             std::optional<std::uint64_t> below) const override;
  Result<UsageReport> usage(const UsageQuery& query) const override;
  Result<void> scan(std::uint64_t first, const Visit& visit) const override;
  Result<void> open_holds(const Visit& visit) const override;
  LedgerStatus status() const override;
  Result<void> rebuild() override { return {}; }
  void close() override {}

  // A record without a hold.
  void append(const Record& record);

 private:
  // The record with that sequence. Precondition: it is still in the ring.
  const Record& at(std::uint64_t sequence) const { return ring_[sequence % capacity_]; }
  std::uint64_t oldest() const { return next_ > capacity_ ? next_ - capacity_ : 1; }
  std::uint64_t put(Record record);

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::vector<Record> ring_;  // grows up to capacity_, then is written round
  std::uint64_t next_ = 1;    // sequence of the next record
  std::uint64_t next_hold_ = 1;
  std::unordered_map<std::uint64_t, Record> holds_;  // drafts
  Money held_;
};

}  // namespace farebox
