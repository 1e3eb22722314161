// AnswerDatabase: the lower tier of the answer cache, a RocksDB database in a directory of its own.
//
// Generations, each a column family, form a ring: what is written goes to the newest; when that
// is full the oldest is dropped as a whole, which frees its space at once. What is asked for while
// it is in one of the oldest two is to be written again. Grammar of rows: answer_codec.hpp.
//
// Stores are in the log of RocksDB, which a kill doesn't hurt, but aren't synced: a power failure
// may take the latest. What was invalidated is synced before anybody is told.
//
// Reading is thread-safe; the rest is for one at a time, whoever that is.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "config/base/result.hpp"
#include "storage/answer_codec.hpp"
#include "storage/answer_filter.hpp"
#include "storage/answer_match.hpp"
#include "storage/answer_options.hpp"
#include "storage/guarded_files.hpp"

namespace farebox {

// The keys of what an invalidation took, each once.
class FallenAnswers {
 public:
  // False: it fell before.
  bool add(const AnswerKey& key) {
    if (!known_.insert(key).second) return false;
    keys_.push_back(key);
    return true;
  }
  bool has(const AnswerKey& key) const { return known_.contains(key); }
  const std::vector<AnswerKey>& keys() const { return keys_; }

 private:
  std::unordered_set<AnswerKey, DigestHash> known_;
  std::vector<AnswerKey> keys_;
};

class AnswerDatabase {
 public:
  static constexpr std::size_t kGenerations = 8;

  // `most` octets; `clock` outlives it. Makes the directory, for its owner alone.
  // Errors: ledger_damaged and ledger_newer (it can't be used), io_failed (perhaps later).
  static Result<std::unique_ptr<AnswerDatabase>> open(const std::string& directory,
                                                      std::uint64_t most, const Clock& clock,
                                                      std::shared_ptr<rocksdb::FileSystem> files);
  ~AnswerDatabase();

  // False: certainly not. No I/O, no allocation.
  bool may_have(const AnswerKey& key) const;

  struct Found {
    SharedAnswer answer;     // null: there is none that is kept at `now`
    bool damaged = false;    // there was one, or might have been
    bool goes_soon = false;  // it is in one of the oldest generations
  };
  // Error: io_failed.
  Result<Found> get(const AnswerKey& key, WallTime now) const;

  // Reads which answers there are, before `put`. Errors of this and all below: ledger_damaged,
  // io_failed; after one the database is of no use.
  Result<void> load();

  // `encoded` is what encode_answer says of it. Whatever had the key before goes.
  Result<void> put(const AnswerKey& key, const Answer& answer, std::string_view encoded);
  Result<void> erase(const AnswerKey& key);

  // Drops what isn't kept at `now` any more, a generation at a time, and what is over the limit.
  Result<void> tidy(WallTime now);
  Result<void> set_most(std::uint64_t most);

  // Take what is named, add it to `fallen`, and are durable after sync().
  Result<void> take(const AnswerMatch& what, WallTime now, FallenAnswers& fallen);
  Result<void> take_dependents(std::span<const AnswerKey> of, WallTime now, FallenAnswers& fallen);
  // All there is. Returns how many are not in `fallen`. Durable at once.
  Result<std::uint64_t> take_everything(WallTime now, const FallenAnswers& fallen);
  Result<void> sync();

  std::uint64_t entries() const;
  std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  // On the disk, with its logs. Reads the directory.
  std::uint64_t octets() const;

 private:
  struct Generation {
    Generation(rocksdb::DB& its_db, std::uint64_t its_number) : db(its_db), number(its_number) {}
    ~Generation() { db.DestroyColumnFamilyHandle(handle); }
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    bool may_have(const AnswerKey& key) const {
      return !loaded.load(std::memory_order_acquire) || filter.may_have(key);
    }
    std::uint64_t entries() const {
      const std::int64_t left = count.load() - expired->load();
      return left > 0 ? static_cast<std::uint64_t>(left) : 0;
    }

    rocksdb::DB& db;
    const std::uint64_t number;
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    AnswerFilter filter;
    std::atomic<bool> loaded = false;
    std::atomic<std::int64_t> count = 0;
    ExpiryCount expired = std::make_shared<std::atomic<std::int64_t>>(0);
    // Of who writes:
    std::uint64_t written = 0;  // octets
    WallTime latest_kept = WallTime::min();
    bool has_needs = false;     // answers that depend on something
  };
  // The oldest first, at least one. Never changes once it is shared.
  using Ring = std::vector<std::shared_ptr<Generation>>;

  AnswerDatabase(std::uint64_t most, const Clock& clock) : most_(most), clock_(clock) {}

  std::shared_ptr<const Ring> ring() const;
  void set_ring(Ring ring);
  Result<void> add_generation();
  enum class Why : std::uint8_t { room, invalidated };
  Result<void> drop_oldest(Why why = Why::room);
  std::uint64_t live_octets() const;
  Result<void> check(const rocksdb::Status& status, std::string_view doing) const;
  Result<void> write(rocksdb::WriteBatch& batch, bool sync);

  bool newer_has(const Ring& ring, std::size_t at, const AnswerKey& key) const;
  // True: it was there.
  bool erase_in(rocksdb::WriteBatch& batch, Generation& generation, const AnswerKey& key);
  void erase_rows(rocksdb::WriteBatch& batch, Generation& generation, const AnswerKey& key,
                  std::string_view name, const std::vector<std::string>& tags,
                  const std::vector<std::string>& depends_on);

  // The passes of an invalidation, in answer_removal.cpp.
  class Taking;
  using RowVisit = std::function<Result<void>(std::size_t at, const IndexRowKey&,
                                              std::string_view row_key, std::string_view value)>;
  // Of all generations, the newest first.
  Result<void> each_row(const Ring& ring, AnswerRow row, std::string_view prefix,
                        const RowVisit& visit) const;
  Result<void> take_by(AnswerRow kind, std::string_view text, WallTime now, FallenAnswers& fallen);
  bool has_needs() const;
  // Keys: fewer are looked up one by one.
  static constexpr std::size_t kSeekBelow = 1'000;

  std::atomic<std::uint64_t> most_;
  const Clock& clock_;
  // In the order in which they are made; gone in the other.
  std::shared_ptr<DiskFailure> failure_ = std::make_shared<DiskFailure>();
  std::shared_ptr<std::atomic<bool>> damaged_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<rocksdb::Env> env_;
  std::shared_ptr<rocksdb::Cache> blocks_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* meta_ = nullptr;
  mutable std::mutex mutex_;  // of the pointer
  std::shared_ptr<const Ring> ring_;
  std::atomic<std::uint64_t> evicted_ = 0;
};

}  // namespace farebox
