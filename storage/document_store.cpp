// The database of documents: one column family.
//
//   document := key: kind 0x00 id      value: sealed JSON text (entry.hpp)
#include "storage/document_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <map>
#include <mutex>

#include "storage/entry.hpp"
#include "storage/guarded_files.hpp"
#include "storage/rocks_options.hpp"
#include "storage/rocks_store.hpp"

namespace farebox {
namespace {

std::string key_of(std::string_view kind, std::string_view id) {
  std::string key;
  key.reserve(kind.size() + 1 + id.size());
  key.append(kind).push_back('\0');
  key.append(id);
  return key;
}

rocksdb::Options make_options() {
  rocksdb::Options options(make_db_options(), rocksdb::ColumnFamilyOptions());
  // Hundreds of documents, rarely written: as little memory as RocksDB can do with.
  options.create_if_missing = true;
  options.write_buffer_size = 256 << 10;
  options.arena_block_size = 16 << 10;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = 1 << 20;
  options.max_open_files = 16;
  options.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;  // read at a start
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

class RocksDocuments final : public DocumentStore {
 public:
  RocksDocuments(std::string directory, std::shared_ptr<rocksdb::FileSystem> files)
      : path_(std::move(directory) + "/documents"),
        files_(files ? std::move(files) : rocksdb::FileSystem::Default()) {}

  ~RocksDocuments() override { drop(); }

  Result<void> put(std::string_view kind, std::string_view id, std::string_view json) override {
    const std::lock_guard lock(mutex_);
    if (const auto opened = open(); !opened) return opened;
    const std::string key = key_of(kind, id);
    std::string sealed;
    seal(sealed, key, json);
    return written(db_->Put(synced(), key, sealed));
  }

  Result<void> erase(std::string_view kind, std::string_view id) override {
    const std::lock_guard lock(mutex_);
    if (!exists()) return {};
    if (const auto opened = open(); !opened) return opened;
    return written(db_->Delete(synced(), key_of(kind, id)));
  }

  Result<std::optional<std::string>> get(std::string_view kind, std::string_view id) override {
    const std::lock_guard lock(mutex_);
    if (!exists()) return std::optional<std::string>();
    if (const auto opened = open(); !opened) return opened.error();
    const std::string key = key_of(kind, id);
    std::string octets;
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), key, &octets);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return store_error(status, "read '" + path_ + "'");
    const auto json = unsealed(key, octets);
    if (!json) return json.error();
    return std::optional<std::string>(*json);
  }

  Result<void> each(std::string_view kind, const Visit& visit) override {
    const std::lock_guard lock(mutex_);
    if (!exists()) return {};
    if (const auto opened = open(); !opened) return opened;
    const std::string prefix = key_of(kind, {});
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(rocksdb::ReadOptions()));
    for (at->Seek(prefix); at->Valid(); at->Next()) {
      const std::string_view key = at->key().ToStringView();
      if (!key.starts_with(prefix)) break;
      const auto json = unsealed(key, at->value().ToStringView());
      if (!json) return json.error();
      if (!visit(key.substr(prefix.size()), *json)) break;
    }
    if (!at->status().ok()) return store_error(at->status(), "read '" + path_ + "'");
    return {};
  }

 private:
  static rocksdb::WriteOptions synced() {
    rocksdb::WriteOptions options;
    options.sync = true;
    return options;
  }

  bool exists() const {
    return db_ || files_->FileExists(path_ + "/CURRENT", rocksdb::IOOptions(), nullptr).ok();
  }

  // The open database is there and didn't fail.
  Result<void> open() {
    if (db_ && failure_->struck()) drop();
    if (db_) return {};
    failure_ = std::make_shared<DiskFailure>();
    env_ = rocksdb::NewCompositeEnv(guard_files(files_, failure_));
    rocksdb::Options options = make_options();
    options.env = env_.get();
    options.listeners.push_back(listen_for_failure(failure_));
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options, path_, &db);
    db_.reset(db);
    if (!status.ok()) return failed(store_error(status, "open '" + path_ + "'"));
    if (failure_->struck()) {
      return failed({ErrorCode::io_failed, "can't open '" + path_ + "': " + failure_->why()});
    }
    if (const auto kept = keep_name(*files_, path_); !kept) return failed(kept.error());
    return {};
  }

  // A log hides its failures from RocksDB (guarded_files.hpp), not from us.
  Result<void> written(const rocksdb::Status& status) {
    if (!status.ok()) return failed(store_error(status, "write to '" + path_ + "'"));
    if (failure_->struck()) {
      return failed({ErrorCode::io_failed, "can't write to '" + path_ + "': " + failure_->why()});
    }
    return {};
  }

  Error failed(Error error) {
    failure_->strike(error.context);
    drop();
    return error;
  }

  void drop() {
    if (db_) db_->Close();
    db_.reset();
    env_.reset();
  }

  Result<std::string_view> unsealed(std::string_view key, std::string_view octets) const {
    std::string_view json;
    switch (open_sealed(key, octets, json)) {
      case Seal::good: return json;
      case Seal::newer:
        return Error(ErrorCode::ledger_newer, "'" + path_ + "' was written by a later farebox; "
                                              "start that version");
      case Seal::broken: break;
    }
    const std::size_t nul = key.find('\0');
    return Error(ErrorCode::ledger_damaged,
                 "the " + std::string(key.substr(0, nul)) + " '" + std::string(key.substr(nul + 1)) +
                     "' in '" + path_ + "' is damaged; restore that directory from a backup");
  }

  const std::string path_;
  const std::shared_ptr<rocksdb::FileSystem> files_;
  std::mutex mutex_;
  std::shared_ptr<DiskFailure> failure_ = std::make_shared<DiskFailure>();
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
};

class MemoryDocuments final : public DocumentStore {
 public:
  Result<void> put(std::string_view kind, std::string_view id, std::string_view json) override {
    const std::lock_guard lock(mutex_);
    documents_.insert_or_assign(key_of(kind, id), std::string(json));
    return {};
  }

  Result<void> erase(std::string_view kind, std::string_view id) override {
    const std::lock_guard lock(mutex_);
    documents_.erase(key_of(kind, id));
    return {};
  }

  Result<std::optional<std::string>> get(std::string_view kind, std::string_view id) override {
    const std::lock_guard lock(mutex_);
    const auto found = documents_.find(key_of(kind, id));
    if (found == documents_.end()) return std::optional<std::string>();
    return std::optional<std::string>(found->second);
  }

  Result<void> each(std::string_view kind, const Visit& visit) override {
    const std::lock_guard lock(mutex_);
    const std::string prefix = key_of(kind, {});
    for (auto at = documents_.lower_bound(prefix);
         at != documents_.end() && at->first.starts_with(prefix); ++at) {
      if (!visit(std::string_view(at->first).substr(prefix.size()), at->second)) break;
    }
    return {};
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> documents_;
};

}  // namespace

std::unique_ptr<DocumentStore> make_document_store(
    std::string directory, std::shared_ptr<rocksdb::FileSystem> file_system) {
  return std::make_unique<RocksDocuments>(std::move(directory), std::move(file_system));
}

bool has_documents(const std::string& directory) {
  return rocksdb::FileSystem::Default()
      ->FileExists(directory + "/documents/CURRENT", rocksdb::IOOptions(), nullptr)
      .ok();
}

Result<void> copy_documents(const std::string& from, const std::string& to) {
  if (!has_documents(from)) return {};
  const std::string here = from + "/documents", there = to + "/documents";
  rocksdb::WriteBatch all;
  rocksdb::Status status;
  // Whoever writes them may delete a file between our opening two of them.
  for (int tries = 0; tries < 5; ++tries) {
    all.Clear();
    rocksdb::DB* opened = nullptr;
    rocksdb::Options options = make_options();
    options.create_if_missing = false;
    status = rocksdb::DB::OpenForReadOnly(options, here, &opened);
    if (!status.ok()) continue;
    const std::unique_ptr<rocksdb::DB> db(opened);
    const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(rocksdb::ReadOptions()));
    for (at->SeekToFirst(); at->Valid(); at->Next()) all.Put(at->key(), at->value());
    status = at->status();
    if (status.ok()) break;
  }
  if (!status.ok()) return store_error(status, "read '" + here + "'");
  rocksdb::DB* made = nullptr;
  status = rocksdb::DB::Open(make_options(), there, &made);
  const std::unique_ptr<rocksdb::DB> copy(made);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (status.ok()) status = copy->Write(synced, &all);
  if (status.ok()) status = copy->Close();
  return status.ok() ? Result<void>() : store_error(status, "write to '" + there + "'");
}

std::unique_ptr<DocumentStore> make_memory_document_store() {
  return std::make_unique<MemoryDocuments>();
}

}  // namespace farebox
