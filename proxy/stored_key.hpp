// StoredKey: a virtual key as the admin API keeps it, and how a new one is made.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/base/result.hpp"
#include "config/base/secret.hpp"
#include "policy/key_ring.hpp"

namespace farebox {

struct StoredKey {
  VirtualKey key;
  std::string prefix;  // the first octets, for people; empty: nobody knows them
  std::optional<WallTime> created, revoked;
};

// "fb-" and 43 base64url characters (RFC 4648, 5): 32 random octets. Error: io_failed, the
// system gives no randomness.
Result<Secret> make_virtual_key();
// What may be shown of it.
std::string shown_prefix(const Secret& key);
// "key_" and 16 hexadecimal digits, random. Error: io_failed.
Result<std::string> make_key_id();

// The document of a key: JSON, without the key.
std::string write_stored_key(const StoredKey& stored);
// Error: ledger_damaged.
Result<StoredKey> read_stored_key(std::string_view id, std::string_view json);

}  // namespace farebox
