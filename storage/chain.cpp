#include "storage/chain.hpp"

#include <openssl/evp.h>

#include <cstring>

#include "config/base/check.hpp"

namespace farebox {

std::string hex_of(const ChainLink& link) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char octet : link) {
    hex += kDigits[static_cast<unsigned char>(octet) >> 4];
    hex += kDigits[static_cast<unsigned char>(octet) & 15];
  }
  return hex;
}

// Fetched once: looking an algorithm up by name costs more than the hash itself.
ChainHasher::ChainHasher()
    : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
  CHECK(algorithm_ != nullptr && context_ != nullptr);
}

ChainHasher::~ChainHasher() {
  EVP_MD_CTX_free(context_);
  EVP_MD_free(algorithm_);
}

ChainLink ChainHasher::next(const ChainLink& before, std::uint64_t sequence,
                            std::string_view payload) {
  char front[sizeof(ChainLink) + 8];
  std::memcpy(front, before.data(), before.size());
  for (int i = 0; i < 8; ++i) {
    front[sizeof(ChainLink) + i] = static_cast<char>(sequence >> (56 - 8 * i));
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const bool done = EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1 &&
                    EVP_DigestUpdate(context_, front, sizeof front) == 1 &&
                    EVP_DigestUpdate(context_, payload.data(), payload.size()) == 1 &&
                    EVP_DigestFinal_ex(context_, digest, &size) == 1;
  CHECK(done && size >= sizeof(ChainLink));
  ChainLink link;
  std::memcpy(link.data(), digest, link.size());
  return link;
}

}  // namespace farebox
