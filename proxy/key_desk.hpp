// KeyDesk: the virtual keys of the running program, of the configuration and of the API.
//
// What it knows is published as a snapshot that never changes. A worker keeps the one it has
// and looks at one number at each request to see whether there is a newer (KeyView), so that
// a key that is revoked is refused from the next request on. Thread-safe; what may wait for
// the disk says so, and isn't for a worker.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/log.hpp"
#include "config/base/secret.hpp"
#include "config/settings.hpp"
#include "policy/key_ring.hpp"
#include "proxy/stored_key.hpp"
#include "storage/document_store.hpp"

namespace farebox {

struct KeySnapshot {
  KeyRing ring;
  // When each key of the ring was last used, in seconds since 1970; 0: never. Shared by all
  // snapshots that know the key.
  std::vector<std::shared_ptr<std::atomic<std::int64_t>>> last_used;
};

// A key as lists show it.
struct KeyRow {
  enum class Source : std::uint8_t { config, api };
  enum class Status : std::uint8_t { active, expired, revoked, shadowed };
  StoredKey key;
  Source source = Source::api;
  Status status = Status::active;
  std::optional<WallTime> last_used;
};

// A key that was just made: the only moment it can be shown.
struct NewKey {
  Secret key;
  KeyRow row;
};

struct KeyFailure {
  enum class Why : std::uint8_t {
    not_found,
    name_taken,
    owned_by_config,
    not_active,    // revoked or expired already
    store_failed,  // the disk
  };
  Why why = Why::not_found;
  std::string message;  // a sentence: what, and how to mend
};
[[noreturn]] inline void throw_exception_from_error(const KeyFailure&,
                                                    const boost::source_location& where) {
  check_failed("result of the key desk not checked", where.file_name(),
               static_cast<int>(where.line()));
}
template <class T>
using KeyResult = boost::system::result<T, KeyFailure>;

class KeyDesk {
 public:
  // All three must outlive it.
  KeyDesk(DocumentStore& documents, Logger& log, const Clock& clock);

  // Reads the keys of the API; those of the configuration come by `adopt`. Waits for the
  // disk. Errors: as the store's.
  Result<void> open();

  // The keys of the configuration are these from now on. One of the API with a name or a hash
  // of theirs is shadowed, which is logged.
  void adopt(const std::vector<KeySettings>& configured);

  // Waits for the disk, as the next two do. `wanted` has neither id nor hash yet.
  // Failures: name_taken, store_failed.
  KeyResult<NewKey> create(VirtualKey wanted);
  // By id or name; from the next request on it is refused. Where the disk fails that holds
  // until the next start. Failures: not_found, owned_by_config, store_failed.
  KeyResult<KeyRow> revoke(std::string_view which);
  // A new key takes the place of the old one, which works for `overlap` yet.
  // Failures: as `revoke`, and not_active.
  KeyResult<NewKey> rotate(std::string_view which, std::chrono::milliseconds overlap);

  // Those of the configuration in their order, then those of the API from the oldest on.
  std::vector<KeyRow> list() const;

  // Writes when keys were last used, if that changed. Waits for the disk.
  void save_last_used();

  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const KeySnapshot> snapshot() const;

 private:
  using LastUsed = std::shared_ptr<std::atomic<std::int64_t>>;

  KeyResult<void> store(const StoredKey& key);
  // Under the mutex:
  bool is_shadowed(const VirtualKey& key) const;
  KeyRow row_of(const StoredKey& key, KeyRow::Source source) const;
  KeyResult<StoredKey> find_own(std::string_view which) const;
  LastUsed& last_used_of(const std::string& id);
  void publish();

  DocumentStore& documents_;
  Logger& log_;
  const Clock& clock_;

  std::mutex writing_;         // one change of the API's keys at a time, held while the disk works
  mutable std::mutex mutex_;  // of all below, held for a moment
  std::vector<StoredKey> configured_;
  std::map<std::string, StoredKey> made_;  // by id
  std::map<std::string, LastUsed> last_used_;  // by id
  std::string saved_last_used_;                // the document as it was last written
  std::shared_ptr<const KeySnapshot> snapshot_ = std::make_shared<KeySnapshot>();
  std::atomic<std::uint64_t> version_{0};
};

// The keys as one worker sees them. Of one thread.
class KeyView {
 public:
  explicit KeyView(const KeyDesk& desk) : desk_(desk) {}

  // Good until the next call.
  const KeySnapshot& now() {
    const std::uint64_t version = desk_.version();
    if (version != version_) {
      snapshot_ = desk_.snapshot();
      version_ = version;
    }
    return *snapshot_;
  }

 private:
  const KeyDesk& desk_;
  std::uint64_t version_ = 0;
  std::shared_ptr<const KeySnapshot> snapshot_ = std::make_shared<KeySnapshot>();
};

}  // namespace farebox
