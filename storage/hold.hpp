// Hold: what a call in flight may still cost, set aside before its first octet leaves.
//
// A hold is taken, may grow (the call is tried again, or a stream runs on), and ends
// exactly once: settled by a record, or released because nothing was sent. What the
// ledger keeps of an open hold is a draft: the record as a crash would have to write it.
#pragma once

#include <cstdint>

namespace farebox {

// Made once per call by the ledger, never used again, also not after a restart.
struct HoldId {
  std::uint64_t value = 0;  // 0: no hold

  explicit operator bool() const { return value != 0; }
  friend bool operator==(HoldId, HoldId) = default;
};

}  // namespace farebox
