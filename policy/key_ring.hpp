// KeyRing: the virtual keys of one moment, found by the SHA-256 of what was presented.
//
// Plain values; the time is an argument. A ring never changes, so any thread may read it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/digest.hpp"

namespace farebox {

// `pattern` with * for any number of octets; the case counts.
bool matches_glob(std::string_view pattern, std::string_view text);

struct VirtualKey {
  // A key that rotates has two hashes for a while: the newer first, the older with an end.
  struct Hash {
    Digest digest{};
    std::optional<WallTime> ends;  // works before this moment
    friend bool operator==(const Hash&, const Hash&) = default;
  };

  std::string id;    // of a key of the configuration: its name
  std::string name;  // what records, logs and metrics show
  std::string org, project, user;
  std::map<std::string, std::string> tags;
  std::vector<std::string> models;     // globs; one that is "*" allows all
  std::vector<std::string> providers;  // empty: all
  std::vector<std::string> dialects;   // empty: all
  std::vector<Hash> hashes;
  std::optional<WallTime> expires;     // works before this moment
  bool revoked = false;

  // May it use every model, those without a name too?
  bool any_model() const;
  bool allows_model(std::string_view model) const;
  bool allows_provider(std::string_view provider) const;
  bool allows_dialect(std::string_view dialect) const;
  bool is_expired(WallTime now) const { return expires && now >= *expires; }
  friend bool operator==(const VirtualKey&, const VirtualKey&) = default;
};

// What a presented key is.
enum class KeyState : std::uint8_t {
  active,
  unknown,
  revoked,
  expired,
  rotated,  // the overlap with the key that followed it is over
};
std::string_view name_of(KeyState state);

class KeyRing {
 public:
  KeyRing() = default;
  // Of two keys with one hash the first counts.
  explicit KeyRing(std::vector<VirtualKey> keys);

  struct Found {
    KeyState state = KeyState::unknown;
    std::size_t index = 0;  // in keys(), unless it is unknown
  };
  // Looks the hash up by its first octets and compares all of it in constant time, also with
  // nobody's: what nobody issued takes as long as what somebody did.
  Found find(const Digest& presented, WallTime now) const;

  const std::vector<VirtualKey>& keys() const { return keys_; }

 private:
  struct Place {
    std::uint32_t key = 0, hash = 0;
  };
  // By 64 bits of the hash. Whoever presents a key can't choose them, but by trying keys.
  std::unordered_map<std::uint64_t, std::vector<Place>> by_hash_;
  std::vector<VirtualKey> keys_;
};

}  // namespace farebox
