// Turn: what one turn of a worker's loop wants written, handed over as a whole.
//
// The octets of all its writes stand in one string, so that a turn costs a handful of
// allocations however many calls it carries.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/hold.hpp"

namespace farebox {

// How a write ended. A settlement is never lost by a failing store: it is `queued`
// and written when the store is back.
enum class Committed : std::uint8_t {
  written,  // survives kill -9; with sync: always, it is on the disk
  refused,  // a hold the store can't take: it is not held, and never will be
  queued,   // a settlement that waits in memory for the store
};

struct CommitResult {
  std::uint32_t ticket = 0;  // as submitted
  Committed committed = Committed::written;
  std::uint64_t sequence = 0;  // of the record; 0: no record, or not given yet
  std::uint64_t turn = 0;      // its number in the TurnLog; 0: it isn't there
};

// Who is told. Called on the ledger's thread, some results at a time; must outlive the
// ledger's `close`.
class CommitSink {
 public:
  virtual void committed(std::span<const CommitResult> results) = 0;

 protected:
  ~CommitSink() = default;
};

struct Turn {
  enum class What : std::uint8_t {
    hold,     // takes or grows: the octets are the draft
    settle,   // the octets are the record; ends `hold`, if there is one
    release,  // ends `hold` without a record; no octets, nobody is told
  };
  struct Write {
    What what = What::hold;
    std::uint32_t ticket = 0;  // 0: nobody waits
    HoldId hold;
    std::size_t offset = 0;  // into `octets`
    std::size_t size = 0;
  };

  std::uint64_t number = 0;  // given by the ledger to what stands in its TurnLog; else 0
  CommitSink* sink = nullptr;
  std::string octets;  // payloads of record_codec.hpp
  std::vector<Write> writes;

  std::string_view octets_of(const Write& write) const {
    return std::string_view(octets).substr(write.offset, write.size);
  }

  // Empties it, and keeps its memory for the next one.
  void reuse() {
    constexpr std::size_t kUsual = 4096;
    if (octets.capacity() > kUsual) octets = std::string();
    octets.clear();
    writes.clear();
    number = 0;
    sink = nullptr;
  }

  // Everybody was answered: from here on nobody waits for it.
  void forget_tickets() {
    for (Write& write : writes) write.ticket = 0;
  }
};

}  // namespace farebox
