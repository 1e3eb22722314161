// LastKey: the digest of the key that a connection's last call presented.
//
// Clients send the same key with every call of a connection; comparing it costs less than hashing
// it anew. Belongs to one connection, whose thread alone uses it.
#pragma once

#include <openssl/crypto.h>

#include <array>
#include <string_view>

#include "config/base/digest.hpp"

namespace farebox {

class LastKey {
 public:
  LastKey() = default;
  LastKey(const LastKey&) = delete;
  LastKey& operator=(const LastKey&) = delete;
  ~LastKey() { OPENSSL_cleanse(octets_.data(), octets_.size()); }

  // SHA-256 of `key`. Takes the same time wherever it differs from the last one: behind another
  // proxy several callers share a connection.
  const Digest& digest_of(std::string_view key) {
    if (key.size() == size_ && CRYPTO_memcmp(key.data(), octets_.data(), size_) == 0) return digest_;
    digest_ = sha256(key);
    size_ = key.size() <= octets_.size() ? key.size() : kNone;
    if (size_ != kNone) key.copy(octets_.data(), size_);
    return digest_;
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  std::array<char, 48> octets_{};  // a key of ours is 46 long
  std::size_t size_ = kNone;
  Digest digest_{};
};

}  // namespace farebox
