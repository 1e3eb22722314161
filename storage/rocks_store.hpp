// RocksStore: the open database under a ledger, with the options it needs and why.
//
// Four column families: `meta` (rows: format, state, checkpoint), `records` (by
// sequence), `holds` (open ones, by id), `rollups`. Grammar of keys and values: entry.hpp.
// As thread-safe as RocksDB itself.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "config/base/result.hpp"
#include "storage/guarded_files.hpp"
#include "storage/ledger_state.hpp"
#include "storage/record_facts.hpp"

namespace farebox {

// Where things are in a ledger's directory.
struct LedgerPaths {
  explicit LedgerPaths(const std::string& directory)
      : database(directory + "/ledger"),
        synced(directory + "/ledger.synced"),
        turns(directory + "/ledger.turns"),
        key(directory + "/ledger.key") {}
  std::string database, synced, turns, key;
};

// 2: records tell what was held. 3: records tell what few have (estimates, corrections,
// pieces). Records of older formats stay as they are, since the chain holds them; only what
// is derived or said once is made anew.
inline constexpr std::uint64_t kLedgerFormat = 3;
inline constexpr std::string_view kFormatRow = "format";
inline constexpr std::string_view kStateRow = "state";
inline constexpr std::string_view kCheckpointRow = "checkpoint";

class RocksStore {
 public:
  enum class Access : std::uint8_t { read_write, read_only };
  // How a damaged log is met: refused, or read up to the damage.
  enum class Recovery : std::uint8_t { refuse_damage, cut_at_damage };

  // Errors: ledger_damaged, ledger_newer, io_failed; not_found (read_only).
  static Result<std::unique_ptr<RocksStore>> open(const std::string& path,
                                                  std::shared_ptr<rocksdb::FileSystem> files,
                                                  Access access, Recovery recovery);
  ~RocksStore();

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle& meta() const { return *handles_[0]; }
  rocksdb::ColumnFamilyHandle& records() const { return *handles_[1]; }
  rocksdb::ColumnFamilyHandle& holds() const { return *handles_[2]; }
  rocksdb::ColumnFamilyHandle& rollups() const { return *handles_[3]; }

  // One at a time, and after an error never again. What is told as written is written:
  // logs hide their failures from RocksDB (guarded_files.hpp), not from us.
  Result<void> write(rocksdb::WriteBatch& batch, bool sync) const;
  Result<void> sync() const;  // the write-ahead log
  // Nobody writes or syncs while it is held.
  std::unique_lock<std::mutex> hold_writes() const { return std::unique_lock(writing_); }

  // Writes nothing more, as after a failed write. Any thread.
  void give_up(const std::string& why) const { failure_->strike(why); }

  // From here on records below `first` are pruned. Any thread.
  void keep_from(std::uint64_t first) const { first_kept_->store(first); }

  // The unsealed payload of a row of `meta`; nothing: there is no such row.
  Result<std::optional<std::string>> row(std::string_view name) const;

  // Visits sealed entries of a family from key `first` on, in order, until `visit` says
  // false. Errors are RocksDB's; what an entry holds is the visitor's business.
  using Visit = std::function<bool(std::string_view key, std::string_view octets)>;
  Result<void> for_each(rocksdb::ColumnFamilyHandle& family, std::uint64_t first,
                        const Visit& visit) const;

  // The same for a family whose keys aren't numbers.
  Result<void> for_each_octets(rocksdb::ColumnFamilyHandle& family, const Visit& visit) const;

  // Facts of the records in [first, last], in order. A broken record is ledger_damaged.
  Result<void> scan(std::uint64_t first, std::uint64_t last,
                    const std::function<void(const RecordFacts&)>& visit) const;

  // The newest record; nothing: there is none.
  Result<std::optional<std::uint64_t>> last_sequence() const;

  // Octets on disk: tables and logs.
  std::uint64_t octets() const;

 private:
  RocksStore() = default;

  Error failed_before() const;
  Result<void> check(const rocksdb::Status& status, std::string_view doing) const;

  mutable std::mutex writing_;
  // Set by a failed write, by a log, and by RocksDB's own threads when a flush failed.
  std::shared_ptr<DiskFailure> failure_ = std::make_shared<DiskFailure>();
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::shared_ptr<std::atomic<std::uint64_t>> first_kept_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

// What `status` means to us.
Error store_error(const rocksdb::Status& status, std::string_view doing);

// The same of a disk of which `failure` knows; an error strikes it, and after one nothing is well.
Result<void> written_well(const rocksdb::Status& status, std::string_view doing,
                          DiskFailure& failure);

}  // namespace farebox
