// MemoryLedger: the newest records, in memory. Bounded, lost at the end; for tests
// and until a durable ledger is opened. Thread-safe: one short lock.
#pragma once

#include <mutex>
#include <vector>

#include "storage/ledger.hpp"

namespace farebox {

class MemoryLedger final : public Ledger {
 public:
  explicit MemoryLedger(std::size_t capacity) : capacity_(capacity) { CHECK(capacity_ != 0); }

  void append(const Record& record) override;
  RecordPage records(const RecordFilter& filter, std::size_t limit,
                     std::optional<std::uint64_t> below) const override;
  UsageReport usage(const UsageQuery& query) const override;
  std::uint64_t appended() const override;

 private:
  // The record with that sequence. Precondition: it is still in the ring.
  const Record& at(std::uint64_t sequence) const { return ring_[sequence % capacity_]; }
  std::uint64_t oldest() const { return next_ > capacity_ ? next_ - capacity_ : 0; }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::vector<Record> ring_;  // grows up to capacity_, then is written round
  std::uint64_t next_ = 0;    // sequence of the next record
};

}  // namespace farebox
