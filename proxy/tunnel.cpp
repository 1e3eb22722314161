#include "proxy/tunnel.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

namespace farebox {
namespace {

constexpr int kMaxInterim = 4;  // 1xx before the answer

std::string authority_of(const Provider& provider) {
  const bool six = provider.host.find(':') != provider.host.npos;
  return fmt::format("{}{}{}:{}", six ? "[" : "", provider.host, six ? "]" : "", provider.port);
}

}  // namespace

std::string tunnel_request(const Provider& provider) {
  // RFC 9112, 3.2.3: authority-form, the port always said; Host says the same.
  const std::string authority = authority_of(provider);
  const Secret& authorization = provider.settings.proxy->authorization;
  std::string request;
  // Never grown: a buffer left behind would keep the password.
  request.reserve(128 + 2 * authority.size() + authorization.size());
  request += "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!authorization.empty()) {
    request += "Proxy-Authorization: ";
    request += authorization.reveal();
    request += "\r\n";
  }
  request += "\r\n";
  return request;
}

Error proxy_error(const Provider& provider, std::string_view what) {
  const ProxyAddress& proxy = *provider.settings.proxy;
  Error error(ErrorCode::upstream_unreachable, Fault::provider, Retry::yes,
              fmt::format("provider '{}': the proxy at {} ({}) {}", provider.settings.name,
                          shown(proxy), proxy.said_by, what));
  error.at_proxy = true;
  return error;
}

Error proxy_refusal(const Provider& provider, int status) {
  const ProxyAddress& proxy = *provider.settings.proxy;
  const std::string authority = authority_of(provider);
  std::string why;
  // RFC 9110, 15.5.8: 407 is the proxy's own word about credentials.
  if (status == 407 && proxy.authorization.empty()) {
    why = fmt::format("asks for a user and a password (407); write them into {}", proxy.said_by);
  } else if (status == 407) {
    why = fmt::format("does not accept the user and password of {} (407); mend them there",
                      proxy.said_by);
  } else if (status == 403) {
    why = fmt::format("forbids connections to {} (403); ask its operator to allow them", authority);
  } else {
    return proxy_error(provider, fmt::format("did not connect to {}, it answered {}", authority,
                                             status));
  }
  Error error = proxy_error(provider, why);
  error.retry = Retry::no;  // the same is refused again
  return error;
}

Result<bool> TunnelReply::take(std::string_view piece) {
  received_ += piece;
  while (true) {
    const auto length = scanner_.find_end(received_);
    if (!length) {
      return proxy_error(provider_, "answered CONNECT with something that is not HTTP: " +
                                        length.error().context);
    }
    if (*length == 0) return false;
    http::ResponseHead head;
    const auto parsed = http::parse_response(std::string_view(received_).substr(0, *length),
                                             "CONNECT", kLimits, head);
    if (!parsed) {
      return proxy_error(provider_, "answered CONNECT with something that is not HTTP: " +
                                        parsed.error().context);
    }
    if (head.status < 200) {
      if (head.status == 101 || ++interim_ > kMaxInterim) {
        return proxy_error(provider_, "sent interim answers nobody asked for");
      }
      received_.erase(0, *length);
      scanner_.reset();
      continue;
    }
    if (head.status >= 300) return proxy_refusal(provider_, head.status);
    // RFC 9110, 9.3.6: a 2xx has no content, whatever Content-Length or Transfer-Encoding say.
    if (received_.size() != *length) {
      return proxy_error(provider_, "sent octets behind its answer to CONNECT, before the provider "
                                    "was spoken to; it is not trusted");
    }
    return true;
  }
}

Error TunnelReply::ended(const error_code& why) const {
  if (why == asio::error::eof || why == asio::error::connection_reset ||
      why == asio::error::broken_pipe) {
    return proxy_error(provider_, received_.empty()
                                      ? "closed the connection without answering CONNECT"
                                      : "closed the connection within its answer to CONNECT");
  }
  return proxy_error(provider_, "can't be spoken to: " + why.message());
}

}  // namespace farebox
