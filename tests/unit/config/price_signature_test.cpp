#include "config/price_signature.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <fstream>
#include <memory>

#include "config/price_table.hpp"

namespace farebox {
namespace {

// RFC 8032, section 7.1, test 1: what its key signs is the empty message.
constexpr const char* kRfcKey = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
constexpr const char* kRfcSignature =
    "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==";

std::string base64(const unsigned char* octets, std::size_t size) {
  std::string text((size + 2) / 3 * 4 + 1, '\0');
  const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets,
                                      static_cast<int>(size));
  text.resize(static_cast<std::size_t>(written));
  return text;
}

struct Signer {
  Signer() : key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free) {}

  std::string public_key() const {
    unsigned char octets[32];
    std::size_t size = sizeof octets;
    EXPECT_EQ(EVP_PKEY_get_raw_public_key(key.get(), octets, &size), 1);
    return "ed25519:" + base64(octets, size);
  }
  std::string sign(std::string_view text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    unsigned char octets[64];
    std::size_t size = sizeof octets;
    EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
    EXPECT_EQ(EVP_DigestSign(context.get(), octets, &size,
                             reinterpret_cast<const unsigned char*>(text.data()), text.size()), 1);
    return base64(octets, size);
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key;
};

TEST(PriceSignature, AcceptsWhatItsKeySigned) {
  const Signer signer;
  const std::string text = R"({"schema":1,"models":[]})";
  EXPECT_TRUE(check_price_signature(text, signer.sign(text), signer.public_key()));
  EXPECT_TRUE(check_price_signature(text, "  " + signer.sign(text) + "\r\n", signer.public_key()));
}

TEST(PriceSignature, RefusesEverythingElse) {
  const Signer signer, other;
  const std::string text = "prices";
  const std::string right = signer.sign(text);
  std::string flipped = right;
  flipped[10] = flipped[10] == 'A' ? 'B' : 'A';
  const struct {
    std::string_view file;
    std::string signature;
    std::string key;
    const char* why;
  } rows[] = {
      {"Prices", right, signer.public_key(), "is wrong"},
      {"", right, signer.public_key(), "is wrong"},
      {text, flipped, signer.public_key(), "is wrong"},
      {text, other.sign(text), signer.public_key(), "is wrong"},
      {text, right, other.public_key(), "is wrong"},
      {text, "", signer.public_key(), "88 characters"},
      {text, right.substr(1), signer.public_key(), "88 characters"},
      {text, right + right, signer.public_key(), "88 characters"},
      {text, std::string(88, '!'), signer.public_key(), "88 characters"},
      {text, right, "ed25519:AAAA", "public key"},
      {text, right, signer.public_key().substr(8), "public key"},
      {text, right, "rsa:" + signer.public_key().substr(8), "public key"},
      {text, right, "", "public key"},
  };
  for (const auto& row : rows) {
    const Result<void> checked = check_price_signature(row.file, row.signature, row.key);
    ASSERT_FALSE(checked) << row.why;
    EXPECT_NE(checked.error().context.find(row.why), std::string::npos) << checked.error().context;
  }
}

TEST(PriceSignature, IsEd25519) {
  EXPECT_TRUE(price_key_text(kRfcKey));
  EXPECT_TRUE(check_price_signature("", kRfcSignature, kRfcKey));
  EXPECT_FALSE(check_price_signature("x", kRfcSignature, kRfcKey));
}

TEST(PriceSignature, IsAskedForWhenAKeyIsConfigured) {
  const Signer signer;
  const std::string path = testing::TempDir() + "/farebox_signed_prices.json";
  const std::string text =
      R"({"schema":1,"models":[{"provider":"p","model":"m","input":"1"}]})";
  std::ofstream(path) << text;
  std::remove((path + ".sig").c_str());
  PriceSettings settings;
  settings.file = path;
  settings.public_key = signer.public_key();

  const Result<PriceTable> unsigned_file = load_prices(settings);
  ASSERT_FALSE(unsigned_file);
  EXPECT_NE(unsigned_file.error().context.find(".sig"), std::string::npos);

  std::ofstream(path + ".sig") << signer.sign(text) << "\n";
  EXPECT_TRUE(load_prices(settings));

  std::ofstream(path) << text << " ";
  const Result<PriceTable> changed = load_prices(settings);
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().context.find("signature is wrong"), std::string::npos);

  settings.public_key.clear();  // nobody asked for a signature
  EXPECT_TRUE(load_prices(settings));
  std::remove(path.c_str());
  std::remove((path + ".sig").c_str());
}

}  // namespace
}  // namespace farebox
