// LedgerWalk: follows the chain record by record and adds up what it finds, so that the
// end can be compared with the ledger's own counters. A plain object.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/ledger_state.hpp"
#include "storage/record_facts.hpp"

namespace farebox {

class LedgerWalk {
 public:
  explicit LedgerWalk(const Checkpoint& checkpoint);

  // The next record as it is stored. False: the chain ends here, `fault` says why.
  bool next(std::string_view key, std::string_view octets);

  const std::string& fault() const { return fault_; }
  const RecordFacts& facts() const { return facts_; }  // of the last record
  std::uint64_t records() const { return records_; }
  std::uint64_t last() const { return expected_ - 1; }
  const ChainLink& head() const { return head_; }
  Money cost() const { return cost_; }  // the pruned ones too
  std::uint64_t unpriced() const { return unpriced_; }
  // A hold that ended in more than one record; 0: none did. Sorts what was seen.
  std::uint64_t hold_ended_twice();

 private:
  ChainHasher hasher_;
  std::uint64_t expected_;
  ChainLink head_;
  Money cost_;
  std::uint64_t unpriced_;
  std::uint64_t records_ = 0;
  RecordFacts facts_;
  std::vector<std::uint64_t> holds_;
  std::string fault_;
};

}  // namespace farebox
