// Certificate: the pair of PEM files the data port proves itself with, read and checked.
//
// cert_file holds the server's own certificate first, then the chain above it; key_file
// the private key of the first, unencrypted. A plain value: any thread may read it.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/clock.hpp"
#include "config/settings.hpp"

namespace farebox {

class Certificate {
 public:
  X509* leaf() const { return leaf_.get(); }
  EVP_PKEY* key() const { return key_.get(); }
  const std::vector<std::shared_ptr<X509>>& chain() const { return chain_; }
  WallTime not_after() const { return not_after_; }

 private:
  friend struct CertificateReader;
  std::shared_ptr<X509> leaf_;
  std::vector<std::shared_ptr<X509>> chain_;
  std::shared_ptr<EVP_PKEY> key_;
  WallTime not_after_{};
};

// The pair, or which of the two keys is to blame and "what, why; how to mend".
struct CertificateReading {
  std::optional<Certificate> certificate;
  std::string_view at;  // "tls.cert_file" or "tls.key_file"
  std::string why;

  struct Warning {
    std::string_view at;
    std::string why;
  };
  std::vector<Warning> warnings;  // of a pair that can be used all the same
};

// Reads both files. A pair half of which was replaced doesn't match and is refused.
CertificateReading read_certificate(const TlsSettings& tls);

}  // namespace farebox
