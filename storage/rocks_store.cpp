#include "storage/rocks_store.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "storage/entry.hpp"
#include "storage/guarded_files.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_options.hpp"

namespace farebox {

Error store_error(const rocksdb::Status& status, std::string_view doing) {
  std::string why = "can't " + std::string(doing) + ": " + status.ToString();
  if (status.IsInvalidArgument() && why.find("families not opened") != std::string::npos) {
    return Error(ErrorCode::ledger_newer,
                 "this ledger was written by a later farebox; start that version");
  }
  // A file that the ledger names and that isn't there is damage, too.
  if (status.IsCorruption() || status.IsInvalidArgument() || status.IsNotFound() ||
      status.IsPathNotFound()) {
    return Error(ErrorCode::ledger_damaged, std::move(why));
  }
  return Error(ErrorCode::io_failed, std::move(why));
}

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& path,
                                                     std::shared_ptr<rocksdb::FileSystem> files,
                                                     Access access, Recovery recovery) {
  std::unique_ptr<RocksStore> store(new RocksStore);
  rocksdb::DBOptions options = make_db_options();
  options.listeners.push_back(listen_for_failure(store->failure_));
  if (!files) files = rocksdb::FileSystem::Default();
  store->env_ = rocksdb::NewCompositeEnv(guard_files(std::move(files), store->failure_));
  options.env = store->env_.get();
  if (recovery == Recovery::cut_at_damage) {
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  }
  const auto families = make_families(store->first_kept_);
  rocksdb::DB* db = nullptr;
  rocksdb::Status status;
  if (access == Access::read_write) {
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    status = rocksdb::DB::Open(options, path, families, &store->handles_, &db);
  } else {
    // A read-only database has nothing to purge, and RocksDB asserts that nobody asks.
    options.avoid_unnecessary_blocking_io = false;
    // All tables are opened at once: the farebox that runs beside may delete them later.
    options.max_open_files = -1;
    const rocksdb::Status found = options.env->FileExists(path + "/CURRENT");
    if (found.IsNotFound()) return Error(ErrorCode::not_found, "no ledger in '" + path + "'");
    status = rocksdb::DB::OpenForReadOnly(options, path, families, &store->handles_, &db);
  }
  store->db_.reset(db);
  if (!status.ok()) return store_error(status, "open '" + path + "'");
  if (store->failure_->struck()) {
    return Error(ErrorCode::io_failed, "can't open '" + path + "': " + store->failure_->why());
  }
  return store;
}

Result<void> written_well(const rocksdb::Status& status, std::string_view doing,
                          DiskFailure& failure) {
  if (!status.ok()) {
    failure.strike(status.ToString());
    return store_error(status, doing);
  }
  if (failure.struck()) {  // a log hides it from RocksDB
    return Error(ErrorCode::io_failed, "can't " + std::string(doing) + ": " + failure.why());
  }
  return {};
}

RocksStore::~RocksStore() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* const handle : handles_) {
    db_->DestroyColumnFamilyHandle(handle);
  }
  db_->Close();
}

Result<void> RocksStore::check(const rocksdb::Status& status, std::string_view doing) const {
  return written_well(status, doing, *failure_);
}

Error RocksStore::failed_before() const {
  return Error(ErrorCode::io_failed, "the ledger's disk failed before: " + failure_->why());
}

Result<void> RocksStore::write(rocksdb::WriteBatch& batch, bool sync) const {
  const std::lock_guard lock(writing_);
  if (failure_->struck()) return failed_before();
  rocksdb::WriteOptions options;
  options.sync = sync;
  return check(db_->Write(options, &batch), "write to the ledger");
}

Result<void> RocksStore::sync() const {
  const std::lock_guard lock(writing_);
  if (failure_->struck()) return failed_before();
  return check(db_->SyncWAL(), "sync the ledger");
}

Result<std::optional<std::string>> RocksStore::row(std::string_view name) const {
  std::string octets;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), &meta(), name, &octets);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return store_error(status, "read the ledger");
  std::string_view payload;
  switch (open_sealed(name, octets, payload)) {
    case Seal::good: return std::optional<std::string>(payload);
    case Seal::newer:
      return Error(ErrorCode::ledger_newer,
                   "this ledger was written by a later farebox; start that version");
    case Seal::broken: break;
  }
  return Error(ErrorCode::ledger_damaged, "the ledger's row '" + std::string(name) + "' is broken");
}

namespace {

// Visits entries from where `seek` puts the iterator.
template <class Seek>
Result<void> walk(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family,
                  const RocksStore::Visit& visit, Seek&& seek) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // read once, from end to end
  options.readahead_size = 256 << 10;
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(options, &family));
  for (seek(*at); at->Valid(); at->Next()) {
    if (!visit(at->key().ToStringView(), at->value().ToStringView())) break;
  }
  if (!at->status().ok()) return store_error(at->status(), "read the ledger");
  return {};
}

}  // namespace

Result<void> RocksStore::for_each(rocksdb::ColumnFamilyHandle& family, std::uint64_t first,
                                  const Visit& visit) const {
  const NumberKey from(first);
  return walk(*db_, family, visit, [&](rocksdb::Iterator& at) { at.Seek(from.view()); });
}

Result<void> RocksStore::for_each_octets(rocksdb::ColumnFamilyHandle& family,
                                         const Visit& visit) const {
  return walk(*db_, family, visit, [](rocksdb::Iterator& at) { at.SeekToFirst(); });
}

Result<void> RocksStore::scan(std::uint64_t first, std::uint64_t last,
                              const std::function<void(const RecordFacts&)>& visit) const {
  std::uint64_t broken = 0;
  const auto done = for_each(records(), first, [&](std::string_view key, std::string_view octets) {
    const std::uint64_t sequence = number_of(key);
    if (sequence > last) return false;
    SealedRecord record;
    RecordFacts facts;
    if (open_record(key, octets, record) != Seal::good || !decode_facts(record.payload, facts)) {
      broken = sequence;
      return false;
    }
    facts.sequence = sequence;
    visit(facts);
    return true;
  });
  if (!done) return done;
  if (broken != 0) {
    return Error(ErrorCode::ledger_damaged, "record " + std::to_string(broken) + " is broken");
  }
  return {};
}

Result<std::optional<std::uint64_t>> RocksStore::last_sequence() const {
  const std::unique_ptr<rocksdb::Iterator> at(
      db_->NewIterator(rocksdb::ReadOptions(), &records()));
  at->SeekToLast();
  if (!at->status().ok()) return store_error(at->status(), "read the ledger");
  if (!at->Valid()) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(number_of(at->key().ToStringView()));
}

std::uint64_t RocksStore::octets() const {
  std::uint64_t tables = 0;
  db_->GetAggregatedIntProperty("rocksdb.total-sst-files-size", &tables);
  // Not by GetSortedWalFiles: 7.8.3 asserts in it where the disk fails.
  std::uint64_t logs = 0;
  std::vector<rocksdb::Env::FileAttributes> files;
  if (db_->GetEnv()->GetChildrenFileAttributes(db_->GetName(), &files).ok()) {
    for (const auto& file : files) {
      if (file.name.ends_with(".log")) logs += file.size_bytes;
    }
  }
  return tables + logs;
}

}  // namespace farebox
