// Journal: turns become one write batch; the next link, the counters and the open holds
// follow. A hold that begins and ends in the same batch never reaches the store. No I/O: what
// it made is written by the committer, and when that fails the journal is made anew from what
// the store really holds.
//
// Used by the committer's thread alone.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/ledger_check.hpp"
#include "storage/turn.hpp"

namespace farebox {

// A batch ready to be written, and what to do once it is.
struct Batch {
  std::uint64_t number = 0;
  std::vector<Turn> turns;
  rocksdb::WriteBatch writes;
  std::vector<RecordFacts> settled;  // views into `turns`
  std::vector<HoldId> taken;         // new holds that nobody was told of yet
  std::vector<std::vector<CommitResult>> results;  // one list a turn

  // One for each that waits, of a batch that wasn't prepared to its end.
  void expect_results();
};

class Journal {
 public:
  Journal(const RocksStore& store, const CheckedLedger& checked)
      : Journal(store, checked, checked.holds) {}
  Journal(const RocksStore& store, const CheckedLedger& checked,
          const std::map<std::uint64_t, OpenHold>& holds);

  // Fills the batch, which has its turns; it is the next one, and the state already counts it.
  // After an exception, for want of memory, nothing but its turns is good, and the journal isn't.
  void prepare(Batch& batch);
  Batch prepare(std::vector<Turn> turns) {
    Batch batch;
    batch.turns = std::move(turns);
    prepare(batch);
    return batch;
  }

  // A batch without a turn, which tells the state alone: a new epoch, a checkpoint.
  Batch prepare_state();
  void begin_epoch() { ++state_.epoch; }
  // Adds to a prepared batch: the checkpoint stands for the records below its `first`.
  void prune(Batch& batch, const Checkpoint& checkpoint);

  const LedgerState& state() const { return state_; }
  SyncedMark mark() const { return {state_.batch, state_.last, state_.head, state_.turn}; }

 private:
  void take(const Turn& turn, const Turn::Write& write);
  std::uint64_t settle(const Turn& turn, const Turn::Write& write, Batch& batch);
  bool end(HoldId hold);  // false: it has ended before
  std::optional<Money> stored_amount(HoldId hold) const;
  void put_holds(Batch& batch);
  void put_state(Batch& batch);

  const RocksStore& store_;
  LedgerState state_;
  std::unordered_map<std::uint64_t, Money> holds_;  // those in the store, and their amounts
  bool say_format_;  // the next batch tells in which format it is written
  // Holds that the batch under way touches.
  struct Touched {
    std::optional<Money> stored;  // amount, if it was in the store before
    bool open = false;            // by now
    bool acknowledged = false;    // somebody was told that it is taken
    std::string_view draft;       // the newest
  };
  std::unordered_map<std::uint64_t, Touched> touched_;
  ChainHasher hasher_;
  std::string sealed_, payload_;  // scratch
};

}  // namespace farebox
