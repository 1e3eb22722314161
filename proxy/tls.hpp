// TLS towards providers: one context per provider, a trust store shared by all that
// use the system's, sessions kept for resumption. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/base/result.hpp"
#include "proxy/byte_stream.hpp"

namespace farebox {

struct Provider;

class TlsClient {
 public:
  // `ca_file` is a PEM bundle that replaces the system's store; empty for the
  // system's, where SSL_CERT_FILE and SSL_CERT_DIR are honoured. `host` is what the
  // certificate must be for, a name or an address. Error: invalid_config.
  static Result<std::unique_ptr<TlsClient>> create(const std::string& ca_file, std::string host);
  ~TlsClient();

  // Shakes hands on a connected socket: TLS 1.2 or better, SNI, ALPN http/1.1, the
  // chain and the name verified. The caller closes the socket to end it early.
  // Error: upstream_unreachable with OpenSSL's reason.
  awaitable<Result<std::unique_ptr<ByteStream>>> handshake(Socket& socket);

  // The same to a provider behind a proxy that is itself spoken to through TLS: hands with
  // `provider.proxy_tls`, CONNECT, hands with the provider inside the tunnel. `socket` is
  // connected to the proxy. Errors of the first two steps have Error::at_proxy.
  awaitable<Result<std::unique_ptr<ByteStream>>> handshake_through(Socket& socket,
                                                                   const Provider& provider);

 private:
  struct Impl;
  explicit TlsClient(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // streams keep it: tickets come when they like
};

}  // namespace farebox
