#include "policy/key_ring.hpp"

#include <algorithm>
#include <cstring>

namespace farebox {
namespace {

std::uint64_t front_of(const Digest& digest) {
  std::uint64_t front = 0;
  std::memcpy(&front, digest.data(), sizeof front);
  return front;
}

bool lists(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

// Goes back to the last star only, so the time is at most pattern times text.
bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool VirtualKey::any_model() const {
  return std::any_of(models.begin(), models.end(), [](const auto& glob) {
    return !glob.empty() && glob.find_first_not_of('*') == std::string::npos;
  });
}

bool VirtualKey::allows_model(std::string_view model) const {
  return std::any_of(models.begin(), models.end(),
                     [model](const auto& glob) { return matches_glob(glob, model); });
}

bool VirtualKey::allows_provider(std::string_view provider) const {
  return lists(providers, provider);
}

bool VirtualKey::allows_dialect(std::string_view dialect) const { return lists(dialects, dialect); }

std::string_view name_of(KeyState state) {
  switch (state) {
    case KeyState::active: return "active";
    case KeyState::unknown: return "unknown";
    case KeyState::revoked: return "revoked";
    case KeyState::expired: return "expired";
    case KeyState::rotated: return "rotated";
  }
  return "unknown";
}

KeyRing::KeyRing(std::vector<VirtualKey> keys) : keys_(std::move(keys)) {
  for (std::uint32_t key = 0; key < keys_.size(); ++key) {
    for (std::uint32_t hash = 0; hash < keys_[key].hashes.size(); ++hash) {
      by_hash_[front_of(keys_[key].hashes[hash].digest)].push_back({key, hash});
    }
  }
}

KeyRing::Found KeyRing::find(const Digest& presented, WallTime now) const {
  static constexpr Digest kNobody{};
  static const std::vector<Place> kNowhere(1);
  const auto bucket = by_hash_.find(front_of(presented));
  const bool somewhere = bucket != by_hash_.end();
  bool known = false;
  Place place;
  for (const Place& each : somewhere ? bucket->second : kNowhere) {
    const Digest& digest = somewhere ? keys_[each.key].hashes[each.hash].digest : kNobody;
    if (!same_digest(digest, presented) || known) continue;
    known = somewhere;
    place = each;
  }
  if (!known) return {};
  const VirtualKey& key = keys_[place.key];
  Found found{KeyState::active, place.key};
  const auto& ends = key.hashes[place.hash].ends;
  if (ends && now >= *ends) found.state = KeyState::rotated;
  if (key.is_expired(now)) found.state = KeyState::expired;
  if (key.revoked) found.state = KeyState::revoked;
  return found;
}

}  // namespace farebox
