// DocumentStore: small documents that the admin API makes and that must survive: virtual
// keys, budgets. A document is JSON text under a kind ("key") and an id.
//
// Thread-safe. A call may wait for the disk, so never from a worker.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace farebox {

class DocumentStore {
 public:
  virtual ~DocumentStore() = default;

  // On the disk, synced, when they return without an error; with one, the disk has the old
  // or the new document, and the next call finds out which. `kind` holds no NUL.
  // Errors: io_failed, ledger_damaged, ledger_newer.
  virtual Result<void> put(std::string_view kind, std::string_view id, std::string_view json) = 0;
  // A document that isn't there is no error.
  virtual Result<void> erase(std::string_view kind, std::string_view id) = 0;

  // Nothing: there is no such document. Errors: io_failed, ledger_damaged.
  virtual Result<std::optional<std::string>> get(std::string_view kind, std::string_view id) = 0;

  // Every document of a kind in the order of ids, until `visit` says false. `visit` must not
  // call the store. Errors: io_failed, ledger_damaged (which document it is, is said).
  using Visit = std::function<bool(std::string_view id, std::string_view json)>;
  virtual Result<void> each(std::string_view kind, const Visit& visit) = 0;
};

// A RocksDB database in `directory`/documents, made by the first put; until then nothing is
// opened. After a failed write it is closed, and opened again by the next call. `directory`
// exists. `file_system`: null is the system's; tests give a worse one.
std::unique_ptr<DocumentStore> make_document_store(
    std::string directory, std::shared_ptr<rocksdb::FileSystem> file_system = nullptr);

// Copies all documents below one directory, beside a farebox that runs there, into another that
// has none. Without any, nothing is made. Errors: io_failed.
Result<void> copy_documents(const std::string& from, const std::string& to);
bool has_documents(const std::string& directory);

// Forgets at the end of the program: for `ledger.store: memory`.
std::unique_ptr<DocumentStore> make_memory_document_store();

}  // namespace farebox
