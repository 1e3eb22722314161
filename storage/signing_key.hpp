// SigningKey: signs what a checkpoint says of records that were pruned (Ed25519,
// RFC 8032). Kept in a file of mode 0600 beside the ledger; made when first needed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/base/result.hpp"

struct evp_pkey_st;

namespace farebox {

class SigningKey {
 public:
  // Reads the key, or makes it and its file.
  static Result<SigningKey> open(const std::string& path);
  // Error not_found: there is none.
  static Result<SigningKey> open_existing(const std::string& path);

  std::string public_key() const;  // 32 octets
  std::string sign(std::string_view message) const;

  static bool verify(std::string_view public_key, std::string_view message,
                     std::string_view signature);

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit SigningKey(evp_pkey_st* key) : key_(key) {}
  std::unique_ptr<evp_pkey_st, Free> key_;
};

}  // namespace farebox
