#include "proxy/key_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"

namespace farebox {
namespace {

using Why = KeyFailure::Why;

constexpr std::string_view kKind = "key";
// One document says of all keys when they were last used: it is written each minute.
constexpr std::string_view kUseKind = "key_use";
constexpr std::string_view kUseId = "all";

StoredKey stored_of(const KeySettings& said) {
  StoredKey stored;
  VirtualKey& key = stored.key;
  key.id = key.name = said.name;
  key.org = said.org;
  key.project = said.project;
  key.user = said.user;
  key.tags = said.tags;
  key.models = said.models;
  key.providers = said.providers;
  key.dialects = said.dialects;
  if (const auto digest = parse_digest(said.key_hash)) key.hashes.push_back({*digest, std::nullopt});
  key.expires = said.expires;
  key.revoked = !said.enabled;
  return stored;
}

KeyFailure store_failed(const Error& error) {
  return {Why::store_failed, fmt::format("the key can't be kept: {}; mend that and try again",
                                         error.context)};
}

}  // namespace

KeyDesk::KeyDesk(DocumentStore& documents, Logger& log, const Clock& clock)
    : documents_(documents), log_(log), clock_(clock) {}

Result<void> KeyDesk::open() {
  const std::lock_guard lock(mutex_);
  Error broken;
  const auto done = documents_.each(kKind, [&](std::string_view id, std::string_view json) {
    auto stored = read_stored_key(id, json);
    if (!stored) {
      broken = stored.error();
      return false;
    }
    made_.insert_or_assign(std::string(id), std::move(*stored));
    return true;
  });
  if (!done) return done;
  if (broken.code != ErrorCode::none) return broken;
  const auto used = documents_.get(kUseKind, kUseId);
  if (!used) return used.error();
  if (*used) {
    saved_last_used_ = **used;
    const auto json = nlohmann::json::parse(saved_last_used_, nullptr, false);
    if (json.is_object()) {
      for (const auto& [id, seconds] : json.items()) {
        if (seconds.is_number_integer()) last_used_of(id)->store(seconds.get<std::int64_t>());
      }
    }
  }
  publish();
  return {};
}

void KeyDesk::adopt(const std::vector<KeySettings>& configured) {
  const std::lock_guard lock(mutex_);
  configured_.clear();
  for (const KeySettings& said : configured) configured_.push_back(stored_of(said));
  publish();
  for (const auto& [id, stored] : made_) {
    if (stored.key.revoked || !is_shadowed(stored.key)) continue;
    log_.warn("a key of the API is shadowed by one of the configuration and doesn't work",
              {{"id", id}, {"name", stored.key.name}});
  }
}

KeyResult<NewKey> KeyDesk::create(VirtualKey wanted) {
  const std::lock_guard one_at_a_time(writing_);
  auto key = make_virtual_key();
  if (!key) return store_failed(key.error());
  auto id = make_key_id();
  if (!id) return store_failed(id.error());
  StoredKey stored;
  stored.key = std::move(wanted);
  stored.key.id = std::move(*id);
  stored.key.hashes = {{sha256(key->reveal()), std::nullopt}};
  stored.key.revoked = false;
  stored.prefix = shown_prefix(*key);
  stored.created = clock_.wall_now();
  {
    const std::lock_guard lock(mutex_);
    const auto same = [&](const VirtualKey& other) { return other.name == stored.key.name; };
    for (const StoredKey& each : configured_) {
      if (same(each.key)) {
        return KeyFailure{Why::name_taken, fmt::format("the configuration has a key '{}'; choose "
                                                       "another name", stored.key.name)};
      }
    }
    for (const auto& [other, each] : made_) {
      if (same(each.key) && !each.key.revoked) {
        return KeyFailure{Why::name_taken,
                          fmt::format("there is a key '{}' already ({}); choose another name, or "
                                      "rotate or revoke that key", stored.key.name, other)};
      }
    }
  }
  if (const auto kept = store(stored); !kept) return kept.error();
  const std::lock_guard lock(mutex_);
  made_[stored.key.id] = stored;
  publish();
  return NewKey{std::move(*key), row_of(stored, KeyRow::Source::api)};
}

KeyResult<KeyRow> KeyDesk::revoke(std::string_view which) {
  const std::lock_guard one_at_a_time(writing_);
  StoredKey stored;
  {
    const std::lock_guard lock(mutex_);
    auto found = find_own(which);
    if (!found) return found.error();
    stored = std::move(*found);
    if (!stored.key.revoked) {
      stored.key.revoked = true;
      stored.revoked = clock_.wall_now();
      made_[stored.key.id] = stored;
      publish();
    }
  }
  // Also where it was revoked before: the disk may have failed then.
  if (const auto kept = store(stored); !kept) {
    return KeyFailure{Why::store_failed,
                      fmt::format("the key '{}' is refused from now on, but that isn't on the disk "
                                  "and would be forgotten by a restart: {}; revoke it again when "
                                  "that is mended", stored.key.name, kept.error().message)};
  }
  const std::lock_guard lock(mutex_);
  return row_of(stored, KeyRow::Source::api);
}

KeyResult<NewKey> KeyDesk::rotate(std::string_view which, std::chrono::milliseconds overlap) {
  const std::lock_guard one_at_a_time(writing_);
  auto key = make_virtual_key();
  if (!key) return store_failed(key.error());
  const WallTime now = clock_.wall_now();
  StoredKey stored;
  {
    const std::lock_guard lock(mutex_);
    auto found = find_own(which);
    if (!found) return found.error();
    stored = std::move(*found);
    if (stored.key.revoked || stored.key.is_expired(now)) {
      return KeyFailure{Why::not_active,
                        fmt::format("the key '{}' is {}, a new one in its place would be too; "
                                    "create another", stored.key.name,
                                    stored.key.revoked ? "revoked" : "expired")};
    }
  }
  // Of three keys two work: the newest and the one before it.
  VirtualKey::Hash old = stored.key.hashes.front();
  old.ends = now + overlap;
  stored.key.hashes = {{sha256(key->reveal()), std::nullopt}};
  if (overlap.count() > 0) stored.key.hashes.push_back(old);
  stored.prefix = shown_prefix(*key);
  if (const auto kept = store(stored); !kept) return kept.error();
  const std::lock_guard lock(mutex_);
  made_[stored.key.id] = stored;
  publish();
  return NewKey{std::move(*key), row_of(stored, KeyRow::Source::api)};
}

std::vector<KeyRow> KeyDesk::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<KeyRow> rows;
  for (const StoredKey& each : configured_) rows.push_back(row_of(each, KeyRow::Source::config));
  const auto first_made = static_cast<std::ptrdiff_t>(rows.size());
  for (const auto& [id, each] : made_) rows.push_back(row_of(each, KeyRow::Source::api));
  std::stable_sort(rows.begin() + first_made, rows.end(), [](const KeyRow& a, const KeyRow& b) {
    return a.key.created < b.key.created;
  });
  return rows;
}

void KeyDesk::save_last_used() {
  const std::lock_guard one_at_a_time(writing_);
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, seconds] : last_used_) {
      const std::int64_t used = seconds->load(std::memory_order_relaxed);
      if (used != 0) json.foreign_key(id).number(used);
    }
    json.end_object();
    if (text == saved_last_used_ || text == "{}") return;
  }
  // A failed write is no news of its own: the next minute tries again.
  if (!documents_.put(kUseKind, kUseId, text)) return;
  const std::lock_guard lock(mutex_);
  saved_last_used_ = std::move(text);
}

std::shared_ptr<const KeySnapshot> KeyDesk::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

KeyResult<void> KeyDesk::store(const StoredKey& key) {
  const auto kept = documents_.put(kKind, key.key.id, write_stored_key(key));
  if (!kept) return store_failed(kept.error());
  return {};
}

bool KeyDesk::is_shadowed(const VirtualKey& key) const {
  return std::any_of(configured_.begin(), configured_.end(), [&](const StoredKey& each) {
    if (each.key.name == key.name) return true;
    return std::any_of(key.hashes.begin(), key.hashes.end(), [&](const VirtualKey::Hash& hash) {
      return !each.key.hashes.empty() && hash.digest == each.key.hashes.front().digest;
    });
  });
}

KeyRow KeyDesk::row_of(const StoredKey& stored, KeyRow::Source source) const {
  KeyRow row{stored, source, KeyRow::Status::active, std::nullopt};
  if (stored.key.revoked) {
    row.status = KeyRow::Status::revoked;
  } else if (source == KeyRow::Source::api && is_shadowed(stored.key)) {
    row.status = KeyRow::Status::shadowed;
  } else if (stored.key.is_expired(clock_.wall_now())) {
    row.status = KeyRow::Status::expired;
  }
  const auto used = last_used_.find(stored.key.id);
  const std::int64_t seconds = used == last_used_.end() ? 0 : used->second->load();
  if (seconds != 0) row.last_used = WallTime(std::chrono::seconds(seconds));
  return row;
}

KeyResult<StoredKey> KeyDesk::find_own(std::string_view which) const {
  if (const auto found = made_.find(std::string(which)); found != made_.end()) {
    return found->second;
  }
  for (const StoredKey& each : configured_) {
    if (each.key.name != which) continue;
    return KeyFailure{Why::owned_by_config,
                      fmt::format("the key '{}' stands under keys in the configuration, which owns "
                                  "it; change it there and reload", which)};
  }
  const StoredKey* revoked = nullptr;
  for (const auto& [id, each] : made_) {
    if (each.key.name != which) continue;
    if (!each.key.revoked) return each;
    revoked = &each;
  }
  if (revoked != nullptr) return *revoked;
  return KeyFailure{Why::not_found,
                    fmt::format("there is no key '{}'; GET /api/keys lists ids and names", which)};
}

KeyDesk::LastUsed& KeyDesk::last_used_of(const std::string& id) {
  LastUsed& used = last_used_[id];
  if (!used) used = std::make_shared<std::atomic<std::int64_t>>(0);
  return used;
}

void KeyDesk::publish() {
  std::vector<VirtualKey> keys;
  for (const StoredKey& each : configured_) keys.push_back(each.key);
  for (const auto& [id, each] : made_) {
    if (!is_shadowed(each.key)) keys.push_back(each.key);
  }
  auto next = std::make_shared<KeySnapshot>();
  for (const VirtualKey& key : keys) next->last_used.push_back(last_used_of(key.id));
  next->ring = KeyRing(std::move(keys));
  snapshot_ = std::move(next);
  version_.fetch_add(1, std::memory_order_release);
}

}  // namespace farebox
