// Pairs of certificate and key: which can be used, and what is said of those that can't.
#include "config/certificate.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

struct Pem {
  std::string certificate, key;
};

template <class Write>
std::string pem(const Write& write) {
  BIO* const bio = BIO_new(BIO_s_mem());
  write(bio);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

// Signed by itself, valid from a day ago for `days` (negative: it has expired).
Pem make_pair(long days = 10, const char* passphrase = nullptr) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -20 * 86'400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86'400);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_sign(certificate, key, EVP_sha256());
  Pem made;
  made.certificate = pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  made.key = pem([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key, passphrase != nullptr ? EVP_aes_128_cbc() : nullptr, nullptr,
                             0, nullptr, const_cast<char*>(passphrase));
  });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

class CertificateTest : public testing::Test {
 protected:
  CertificateTest() {
    std::string name = testing::TempDir() + "farebox-certificate-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~CertificateTest() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  CertificateReading read(const std::string& certificate, const std::string& key,
                          mode_t mode = 0600) const {
    return read_certificate({file("cert.pem", certificate), file("key.pem", key, mode)});
  }

  std::string directory_;
};

TEST_F(CertificateTest, AGoodPairIsRead) {
  const Pem good = make_pair(), other = make_pair();
  const CertificateReading read_one = read(good.certificate, good.key);
  ASSERT_TRUE(read_one.certificate) << read_one.why;
  EXPECT_TRUE(read_one.warnings.empty());
  EXPECT_TRUE(read_one.certificate->chain().empty());
  const auto left = read_one.certificate->not_after() - SystemClock().wall_now();
  EXPECT_NEAR(std::chrono::duration<double>(left).count(), 10 * 86'400, 60);
  const CertificateReading chained = read(good.certificate + other.certificate, good.key);
  ASSERT_TRUE(chained.certificate) << chained.why;
  EXPECT_EQ(chained.certificate->chain().size(), 1u);
}

TEST_F(CertificateTest, ABadOneIsToldOf) {
  const Pem good = make_pair(), other = make_pair(), locked = make_pair(10, "secret");
  struct Row {
    std::string certificate, key;
    const char* at;
    const char* why;
  };
  const Row rows[] = {
      {good.certificate, other.key, "tls.key_file", "is not the key of the first certificate"},
      {other.certificate + good.certificate, good.key, "tls.key_file", "is not the key of the first"},
      {locked.certificate, locked.key, "tls.key_file", "encrypted with a passphrase"},
      {"", good.key, "tls.cert_file", "no PEM certificate"},
      {good.key, good.key, "tls.cert_file", "no PEM certificate"},
      {"\x30\x82\x01\x01", good.key, "tls.cert_file", "in DER"},
      {good.certificate.substr(0, 200), good.key, "tls.cert_file", "no PEM certificate"},
      {good.certificate + other.certificate.substr(0, 200), good.key, "tls.cert_file",
       "broken behind its certificate number 1"},
      {good.certificate, "", "tls.key_file", "no PEM private key"},
      {good.certificate, good.key.substr(0, 100), "tls.key_file", "no PEM private key"},
      {good.certificate, "\x30\x82\x01\x01", "tls.key_file", "in DER"},
  };
  for (const Row& row : rows) {
    const CertificateReading refused = read(row.certificate, row.key);
    EXPECT_FALSE(refused.certificate) << row.why;
    EXPECT_EQ(refused.at, row.at) << row.why;
    EXPECT_NE(refused.why.find(row.why), std::string::npos) << refused.why;
    EXPECT_TRUE(refused.why.starts_with(row.at)) << refused.why;
    EXPECT_NE(refused.why.find(';'), std::string::npos) << "no cure: " << refused.why;
  }
}

TEST_F(CertificateTest, AnOddOneIsWarnedOf) {
  const Pem good = make_pair(), old = make_pair(-2);
  const CertificateReading open = read(good.certificate, good.key, 0644);
  ASSERT_EQ(open.warnings.size(), 1u);
  EXPECT_EQ(open.warnings[0].at, "tls.key_file");
  const CertificateReading expired = read(old.certificate, old.key);
  ASSERT_TRUE(expired.certificate);
  ASSERT_EQ(expired.warnings.size(), 1u);
  EXPECT_NE(expired.warnings[0].why.find("has expired"), std::string::npos);
}

TEST_F(CertificateTest, TheLoaderTellsItsLine) {
  const Pem good = make_pair(), other = make_pair();
  const std::string cert = file("cert.pem", good.certificate), key = file("key.pem", other.key);
  const LoadResult result =
      load_whole("tls:\n  cert_file: " + cert + "\n  key_file: " + key + "\n");
  ASSERT_EQ(result.errors.size(), 1u) << lines_of(result.errors);
  EXPECT_TRUE(to_line(result.errors[0]).starts_with("farebox.yaml:3: tls.key_file is '"))
      << to_line(result.errors[0]);
  file("key.pem", good.key);
  EXPECT_TRUE(load_whole("tls:\n  cert_file: " + cert + "\n  key_file: " + key + "\n").ok());
}

}  // namespace
}  // namespace farebox
