// Tunnel: what is said to an HTTP proxy to reach a provider through it (RFC 9110, 9.3.6),
// and what its answer means. Plain functions and objects; the octets move in
// upstream_connect.cpp and tls.cpp.
#pragma once

#include <openssl/crypto.h>

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <string_view>

#include "config/base/result.hpp"
#include "proxy/http/head.hpp"
#include "proxy/net.hpp"
#include "proxy/provider.hpp"

namespace farebox {

// The CONNECT request, complete. It holds the password: wipe it. The provider's name goes
// to the proxy as it is, which resolves it.
std::string tunnel_request(const Provider& provider);

// upstream_unreachable, with Error::at_proxy: "provider 'x': the proxy at host:port ..."
Error proxy_error(const Provider& provider, std::string_view what);

// What a proxy means by a status that opens no way; for 407 behind an http:// provider too.
Error proxy_refusal(const Provider& provider, int status);

// Reads the answer to CONNECT as it arrives, strictly and bounded.
class TunnelReply {
 public:
  explicit TunnelReply(const Provider& provider) : provider_(provider) {}

  // True once the tunnel is open. Octets behind the head are an error: whatever comes
  // before our own first octet is not from the provider.
  Result<bool> take(std::string_view piece);
  // The connection ended.
  Error ended(const error_code& why) const;

 private:
  const Provider& provider_;
  http::HeadScanner scanner_{kLimits};
  std::string received_;
  int interim_ = 0;

  static constexpr http::HeadLimits kLimits{4 << 10, 16 << 10, 100};
};

// Opens a tunnel on `stream`, which is connected to the proxy. Whoever calls ends it in
// time by shutting the socket down.
template <class Stream>
awaitable<Result<void>> open_tunnel(Stream& stream, const Provider& provider) {
  error_code ec;
  std::string request = tunnel_request(provider);
  co_await asio::async_write(stream, asio::buffer(request),
                             asio::redirect_error(use_awaitable, ec));
  OPENSSL_cleanse(request.data(), request.size());
  TunnelReply reply(provider);
  if (ec) co_return reply.ended(ec);
  std::array<char, 2048> piece;
  while (true) {
    const std::size_t got = co_await stream.async_read_some(
        asio::buffer(piece), asio::redirect_error(use_awaitable, ec));
    if (ec) co_return reply.ended(ec);
    const Result<bool> open = reply.take(std::string_view(piece.data(), got));
    if (!open) co_return open.error();
    if (*open) co_return Result<void>();
  }
}

}  // namespace farebox
