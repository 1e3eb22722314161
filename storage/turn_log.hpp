// TurnLog: turns that were told as written and that the store hasn't taken yet.
//
// A write to RocksDB costs a request more than everything else farebox does for it; many
// turns in one write cost little. So a turn is copied into a mapped file, which survives
// kill -9 as any page of a file does, is told as written, and goes to the store a few
// milliseconds later with all that came meanwhile. A start finds here what the store
// doesn't have. What a power loss may take is the store's business (sync_interval).
//
//   file    := segment segment                       used in turn, each from its begin
//   segment := frame*
//   frame   := magic:4 size:4 epoch:8 number:8 checksum:8 count:4 0:4
//              count * { what:1 0:7 hold:8 size:8 } octets, padded to 8     (host order)
//
// `magic` and `size` are one word, which is 0 while the rest of a frame is written. So a
// process that is killed leaves whole frames, a 0, and what is left over from earlier: frames
// of a lower number, whole or half overwritten. Anything else is damage.
// Used under one lock; `read` by anybody, also while it is written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/base/result.hpp"
#include "storage/turn.hpp"

namespace farebox {

class TurnLog {
 public:
  static constexpr std::size_t kSegment = 1 << 20;

  // Makes the file with all its space if need be, empties and maps it: what it held must be
  // in the store, on the disk.
  static Result<std::unique_ptr<TurnLog>> open(const std::string& path, std::uint64_t epoch);
  ~TurnLog();
  TurnLog(const TurnLog&) = delete;
  TurnLog& operator=(const TurnLog&) = delete;

  // False: there is no room, because the store is behind. Numbers grow by one.
  bool append(std::uint64_t number, const Turn& turn);

  // The store has the turns up to that number.
  void release(std::uint64_t number) { released_ = number; }

  struct Left {
    // From `after` + 1 on, as far as they follow each other; without sinks and tickets.
    std::vector<Turn> turns;
    std::uint64_t unusable = 0;  // turns behind a gap
    // What is wrong with the file, as in "is missing"; empty: nothing.
    std::string fault;
  };
  // The turns of `epoch` above `after`. While somebody writes, the newest turn may look
  // damaged, and one behind the gap that a lapped reader sees unusable.
  static Left read(const std::string& path, std::uint64_t epoch, std::uint64_t after);

 private:
  TurnLog(char* memory, std::uint64_t epoch) : memory_(memory), epoch_(epoch) {}

  char* memory_;
  const std::uint64_t epoch_;
  std::size_t segment_ = 0;          // 0 or 1
  std::size_t used_ = 0;             // octets of it
  std::uint64_t last_[2] = {0, 0};   // newest turn in each
  std::uint64_t released_ = 0;
};

}  // namespace farebox
