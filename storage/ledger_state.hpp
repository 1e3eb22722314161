// LedgerState: the counters that every batch carries beside what it writes, in one row
// of its own. What the ledger holds must add up to them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/money.hpp"
#include "storage/chain.hpp"

namespace farebox {

struct LedgerState {
  std::uint64_t batch = 0;          // of the last batch written; one more each time
  std::uint64_t epoch = 0;          // starts of the program; the upper part of hold ids
  std::uint64_t last = 0;           // sequence of the newest record; 0: none yet
  ChainLink head{};                 // its link
  Money cost;                       // of all records ever
  std::uint64_t unpriced = 0;       // metered records without a cost
  std::uint64_t open_holds = 0;
  Money held;                       // by open holds with a price
  std::uint64_t turn = 0;           // newest turn taken from the TurnLog; since format 2

  void encode(std::string& out) const;
  static std::optional<LedgerState> decode(std::string_view payload);
};

// What is known to be on the disk itself; kept in the second place.
struct SyncedMark {
  std::uint64_t batch = 0;
  std::uint64_t last = 0;
  ChainLink head{};
  std::uint64_t turn = 0;  // not stored

  void encode(std::string& out) const;
  static std::optional<SyncedMark> decode(std::string_view payload);
};

// Stands for the records that were pruned: the chain goes on behind it. Signed, so that
// nobody can cut the ledger short and say it was pruned.
struct Checkpoint {
  std::uint64_t first = 1;          // the oldest record that is still there
  ChainLink before{};               // link of the record before it
  Money cost;                       // of the pruned records
  std::uint64_t unpriced = 0;
  std::int64_t newest_us = 0;       // time of the newest pruned record
  std::int64_t made_us = 0;         // when this was written; microseconds since 1970, UTC
  std::string public_key;           // Ed25519 (RFC 8032), 32 octets
  std::string signature;            // over everything above

  std::uint64_t pruned() const { return first - 1; }
  void encode_unsigned(std::string& out) const;
  void encode(std::string& out) const;
  static std::optional<Checkpoint> decode(std::string_view payload);
};

}  // namespace farebox
