// Digest: SHA-256 (FIPS 180-4) of octets, for what is compared without being kept.
//
// All functions are thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace farebox {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view octets);

// For maps: the octets of a digest are as good as any hash of it.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

// Takes the same time wherever two digests differ.
bool same_digest(const Digest& a, const Digest& b);

// "sha256:" and 64 hexadecimal digits, as settings and stores say a digest.
std::string digest_text(const Digest& digest);
// Nothing: that isn't one. Digits of both cases are understood.
std::optional<Digest> parse_digest(std::string_view text);

}  // namespace farebox
