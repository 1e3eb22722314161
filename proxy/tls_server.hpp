// TLS towards the apps: one context with the certificate of the data port, shared by all
// workers. Thread-safe, never changed: a new certificate makes a new one, and connections
// keep the one they shook hands with.
#pragma once

#include <memory>

#include "config/base/clock.hpp"
#include "config/base/result.hpp"
#include "config/file_stamp.hpp"
#include "config/settings.hpp"
#include "proxy/byte_stream.hpp"

struct ssl_ctx_st;

namespace farebox {

class TlsServer {
 public:
  // TLS 1.2 or better with OpenSSL's own choice of ciphers, ALPN http/1.1, resumption by
  // tickets, no renegotiation, no client certificates. Error: invalid_config with which
  // file, why and how to mend.
  static Result<std::shared_ptr<TlsServer>> create(const TlsSettings& settings);

  // A stream over an accepted socket. Its handshake is made by the first reads, so it waits
  // for nobody; a client that speaks plain HTTP is told so in plain HTTP.
  std::unique_ptr<ByteStream> make_stream(Socket socket) const;

  WallTime not_after() const { return not_after_; }

  // What the two files were when they were read.
  struct Stamps {
    bool operator==(const Stamps&) const = default;
    FileStamp certificate, key;

    static Stamps of(const TlsSettings& settings) {
      return {FileStamp::of(settings.cert_file), FileStamp::of(settings.key_file)};
    }
  };
  const Stamps& stamps() const { return stamps_; }

 private:
  TlsServer() = default;

  std::shared_ptr<ssl_ctx_st> context_;
  WallTime not_after_{};
  Stamps stamps_;
};

}  // namespace farebox
