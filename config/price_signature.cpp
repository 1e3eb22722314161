#include "config/price_signature.hpp"

#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <string>

namespace farebox {

namespace {

constexpr std::string_view kScheme = "ed25519:";
constexpr std::size_t kKeyOctets = 32;
constexpr std::size_t kSignatureOctets = 64;

Error refuse(std::string why) { return Error(ErrorCode::invalid_config, std::move(why)); }

// Exactly `size` octets out of base64 with its padding; nothing when it isn't that.
std::optional<std::string> decode(std::string_view text, std::size_t size) {
  const std::size_t encoded = (size + 2) / 3 * 4;
  if (text.size() != encoded) return std::nullopt;
  std::string octets(encoded / 4 * 3, '\0');
  const int written = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(octets.data()),
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()));
  // It counts the padding as zeros.
  const std::size_t padding = octets.size() - size;
  if (written != static_cast<int>(octets.size())) return std::nullopt;
  if (text.substr(text.size() - padding).find_first_not_of('=') != text.npos) return std::nullopt;
  octets.resize(size);
  return octets;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::optional<std::string> key_of(std::string_view text) {
  if (!text.starts_with(kScheme)) return std::nullopt;
  return decode(text.substr(kScheme.size()), kKeyOctets);
}

}  // namespace

Result<void> price_key_text(std::string_view text) {
  if (key_of(text)) return {};
  return refuse("is no public key; write \"ed25519:\" and its 32 octets in base64, 44 characters "
                "with the = at the end");
}

Result<void> check_price_signature(std::string_view file, std::string_view signature,
                                   std::string_view public_key) {
  const std::optional<std::string> key = key_of(public_key);
  if (!key) return price_key_text(public_key);
  const std::optional<std::string> octets = decode(trimmed(signature), kSignatureOctets);
  if (!octets) {
    return refuse("the signature beside it is no Ed25519 signature in base64, which is 88 "
                  "characters; sign the file again");
  }
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> raw(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                  reinterpret_cast<const unsigned char*>(key->data()),
                                  key->size()),
      &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const bool right =
      raw && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, raw.get()) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(octets->data()),
                       octets->size(), reinterpret_cast<const unsigned char*>(file.data()),
                       file.size()) == 1;
  if (right) return {};
  return refuse("its signature is wrong: the file was changed after it was signed, or signed with "
                "another key; take the file and its .sig from their source again, or sign it anew");
}

}  // namespace farebox
