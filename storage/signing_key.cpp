#include "storage/signing_key.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace farebox {
namespace {

constexpr std::size_t kSeedSize = 32;

Error failed(std::string_view what, const std::string& path) {
  return Error(ErrorCode::io_failed, "can't " + std::string(what) + " '" + path +
                                         "': " + std::strerror(errno));
}

evp_pkey_st* key_from(const unsigned char* seed) {
  return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed, kSeedSize);
}

const unsigned char* unsigned_of(std::string_view octets) {
  return reinterpret_cast<const unsigned char*>(octets.data());
}

}  // namespace

void SigningKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Result<SigningKey> SigningKey::open_existing(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT) return Error(ErrorCode::not_found, "no signing key yet");
    return failed("read", path);
  }
  unsigned char seed[kSeedSize];
  const ssize_t got = ::read(file, seed, sizeof seed);
  ::close(file);
  if (got != static_cast<ssize_t>(sizeof seed)) {
    return Error(ErrorCode::ledger_damaged,
                 "'" + path + "' is not a signing key of farebox; restore it from a backup");
  }
  evp_pkey_st* const key = key_from(seed);
  OPENSSL_cleanse(seed, sizeof seed);
  if (key == nullptr) return Error(ErrorCode::internal, "Ed25519 is not available");
  return SigningKey(key);
}

Result<SigningKey> SigningKey::open(const std::string& path) {
  auto existing = open_existing(path);
  if (existing || existing.error().code != ErrorCode::not_found) return existing;
  unsigned char seed[kSeedSize];
  if (RAND_bytes(seed, sizeof seed) != 1) {
    return Error(ErrorCode::io_failed, "the system gives no randomness for a signing key");
  }
  // Whole under another name first: half a key would lock the ledger out of pruning.
  const std::string fresh = path + ".new";
  const int made = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (made < 0) return failed("make", fresh);
  const bool written = ::write(made, seed, sizeof seed) == static_cast<ssize_t>(sizeof seed) &&
                       ::fsync(made) == 0;
  ::close(made);
  OPENSSL_cleanse(seed, sizeof seed);
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) return failed("write", path);
  return open_existing(path);
}

std::string SigningKey::public_key() const {
  std::string octets(32, '\0');
  std::size_t size = octets.size();
  EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(octets.data()), &size);
  return octets;
}

std::string SigningKey::sign(std::string_view message) const {
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const bool done =
      EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                     unsigned_of(message), message.size()) == 1;
  EVP_MD_CTX_free(context);
  CHECK(done);
  return signature;
}

bool SigningKey::verify(std::string_view public_key, std::string_view message,
                        std::string_view signature) {
  evp_pkey_st* const key = EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, unsigned_of(public_key), public_key.size());
  if (key == nullptr) return false;
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const bool good = EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, key) == 1 &&
                    EVP_DigestVerify(context, unsigned_of(signature), signature.size(),
                                     unsigned_of(message), message.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return good;
}

}  // namespace farebox
