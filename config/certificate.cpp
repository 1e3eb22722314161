#include "config/certificate.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <ctime>

#include "config/problem.hpp"
#include "config/small_file.hpp"

namespace farebox {

namespace {

constexpr std::size_t kMostOctets = 1 << 20;
constexpr int kWeakestBits = 112;  // what OpenSSL's level 2 asks for: RSA 2048, P-256
constexpr std::string_view kCertAt = "tls.cert_file", kKeyAt = "tls.key_file";

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;

Bio reader_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Nobody is there to type a passphrase; OpenSSL would ask on the terminal.
int refuse_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// The end of the file, where OpenSSL looks for one more block and finds none.
bool ended_well() {
  const unsigned long error = ERR_peek_last_error();
  const bool ended = error == 0 || (ERR_GET_LIB(error) == ERR_LIB_PEM &&
                                    ERR_GET_REASON(error) == PEM_R_NO_START_LINE);
  ERR_clear_error();
  return ended;
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

bool looks_like_der(std::string_view text) { return text.starts_with('\x30'); }

}  // namespace

struct CertificateReader {
  const TlsSettings& tls;
  CertificateReading result;
  Certificate made;

  std::string sentence(std::string_view at, std::string_view why) const {
    return fmt::format("{} is {}, {}", at, in_quotes(at == kCertAt ? tls.cert_file : tls.key_file),
                       why);
  }

  bool fail(std::string_view at, const std::string& why) {
    ERR_clear_error();
    result.at = at;
    result.why = sentence(at, why);
    return false;
  }

  bool read_chain() {
    const auto text = read_small_file(tls.cert_file, kMostOctets);
    if (!text) return fail(kCertAt, text.error().context);
    const Bio bio = reader_of(*text);
    while (X509* const one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
      std::shared_ptr<X509> owned(one, X509_free);
      if (made.leaf_) {
        made.chain_.push_back(std::move(owned));
      } else {
        made.leaf_ = std::move(owned);
      }
    }
    const bool whole = ended_well();
    if (!made.leaf_ && looks_like_der(*text)) {
      return fail(kCertAt, "it is in DER, PEM was expected; convert it with `openssl x509 -inform "
                           "der -in FILE -out FILE.pem`");
    }
    if (!made.leaf_) {
      return fail(kCertAt, "it holds no PEM certificate; it must begin with the certificate of "
                           "this server, then its chain");
    }
    if (!whole) {
      return fail(kCertAt, fmt::format("it is broken behind its certificate number {}; write the "
                                       "whole chain again", made.chain_.size() + 1));
    }
    made.not_after_ = time_of(X509_get0_notAfter(made.leaf_.get()));
    return true;
  }

  bool read_key() {
    auto text = read_small_file(tls.key_file, kMostOctets);
    if (!text) return fail(kKeyAt, text.error().context);
    bool passphrase_asked = false;
    made.key_.reset(PEM_read_bio_PrivateKey(reader_of(*text).get(), nullptr, refuse_passphrase,
                                            &passphrase_asked),
                    EVP_PKEY_free);
    const bool der = looks_like_der(*text);
    OPENSSL_cleanse(text->data(), text->size());
    if (passphrase_asked) {
      return fail(kKeyAt, "the key is encrypted with a passphrase, which nobody is there to type; "
                          "decrypt it with `openssl pkey -in FILE -out NEW` and chmod 600");
    }
    if (!made.key_) {
      return fail(kKeyAt, der ? "it is in DER, PEM was expected; convert it with `openssl pkey "
                                "-inform der -in FILE -out FILE.pem`"
                              : "it holds no PEM private key; it must hold the key of the "
                                "certificate in cert_file");
    }
    ERR_clear_error();
    return true;
  }

  bool check_pair() {
    if (X509_check_private_key(made.leaf_.get(), made.key_.get()) != 1) {
      return fail(kKeyAt, fmt::format("it is not the key of the first certificate in {}; name the "
                                      "two files of one pair, the server's own certificate first",
                                      in_quotes(tls.cert_file)));
    }
    if (EVP_PKEY_get_security_bits(made.key_.get()) < kWeakestBits) {
      return fail(kKeyAt, "the key is too weak, clients refuse it; make one of RSA with 2048 bits "
                          "or of P-256");
    }
    return true;
  }

  void warn() {
    struct stat status {};
    if (::stat(tls.key_file.c_str(), &status) == 0 && (status.st_mode & 007) != 0) {
      result.warnings.push_back(
          {kKeyAt, sentence(kKeyAt, "a private key that every user of this machine can open; run "
                                    "chmod o-rwx on it")});
    }
    const char* odd = nullptr;
    if (X509_cmp_current_time(X509_get0_notAfter(made.leaf_.get())) < 0) odd = "has expired";
    if (X509_cmp_current_time(X509_get0_notBefore(made.leaf_.get())) > 0) odd = "is not valid yet";
    if (odd != nullptr) {
      result.warnings.push_back(
          {kCertAt, sentence(kCertAt, fmt::format("which {}, so clients will refuse it; put a valid "
                                                  "one there, it is read again by itself", odd))});
    }
  }
};

CertificateReading read_certificate(const TlsSettings& tls) {
  CertificateReader reader{tls, {}, {}};
  if (reader.read_chain() && reader.read_key() && reader.check_pair()) {
    reader.warn();
    reader.result.certificate = std::move(reader.made);
  }
  return std::move(reader.result);
}

}  // namespace farebox
