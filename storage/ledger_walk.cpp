#include "storage/ledger_walk.hpp"

#include <algorithm>

#include "storage/entry.hpp"
#include "storage/record_codec.hpp"

namespace farebox {

LedgerWalk::LedgerWalk(const Checkpoint& checkpoint)
    : expected_(checkpoint.first),
      head_(checkpoint.before),
      cost_(checkpoint.cost),
      unpriced_(checkpoint.unpriced) {}

bool LedgerWalk::next(std::string_view key, std::string_view octets) {
  const std::uint64_t sequence = number_of(key);
  if (sequence != expected_) {
    fault_ = "record " + std::to_string(expected_) + " is missing; the next one is " +
             std::to_string(sequence);
    return false;
  }
  SealedRecord record;
  if (open_record(key, octets, record) != Seal::good) {
    fault_ = "record " + std::to_string(sequence) + " is damaged: its checksum is wrong";
    return false;
  }
  const ChainLink link = hasher_.next(head_, sequence, record.payload);
  if (link != record.link) {
    fault_ = "the chain breaks at record " + std::to_string(sequence);
    return false;
  }
  if (!decode_facts(record.payload, facts_)) {
    fault_ = "record " + std::to_string(sequence) + " can't be read";
    return false;
  }
  facts_.sequence = sequence;
  head_ = link;
  ++expected_;
  ++records_;
  if (facts_.priced) {
    cost_ += facts_.cost;
  } else if (facts_.metered) {
    ++unpriced_;
  }
  if (facts_.hold) holds_.push_back(facts_.hold.value);
  return true;
}

std::uint64_t LedgerWalk::hold_ended_twice() {
  std::sort(holds_.begin(), holds_.end());
  const auto twice = std::adjacent_find(holds_.begin(), holds_.end());
  return twice == holds_.end() ? 0 : *twice;
}

}  // namespace farebox
