// What is said to a proxy, and what its answer to CONNECT means, in pieces of any size.
#include "proxy/tunnel.hpp"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>

#include "proxy/tls.hpp"
#include "proxy/upstream_slots.hpp"

namespace farebox {
namespace {

std::unique_ptr<Provider> behind(const std::string& proxy, const std::string& base_url) {
  ProviderSettings settings;
  settings.name = "p";
  settings.base_url = base_url;
  settings.proxy = *parse_proxy_url(proxy);
  settings.proxy->said_by = "upstream_proxy";
  auto provider = std::make_unique<Provider>(std::move(settings));
  const auto applied = apply_base_url(base_url, *provider);
  CHECK(applied);
  return provider;
}

TEST(Tunnel, AsksForTheProvidersNameAndPort) {
  EXPECT_EQ(tunnel_request(*behind("http://proxy:3128", "https://api.example")),
            "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n");
  EXPECT_EQ(tunnel_request(*behind("http://joe:pass@proxy:3128", "https://api.example:8443/v1")),
            "CONNECT api.example:8443 HTTP/1.1\r\nHost: api.example:8443\r\n"
            "Proxy-Authorization: Basic am9lOnBhc3M=\r\n\r\n");
  EXPECT_EQ(tunnel_request(*behind("http://proxy:3128", "https://[fd00::1]:8443")),
            "CONNECT [fd00::1]:8443 HTTP/1.1\r\nHost: [fd00::1]:8443\r\n\r\n");
}

// "open", "more", or the reason; the answer comes in pieces of `size`.
std::string outcome(const std::string& answer, std::size_t size,
                    const std::string& proxy = "http://proxy:3128") {
  const auto provider = behind(proxy, "https://api.example");
  TunnelReply reply(*provider);
  for (std::size_t at = 0; at < answer.size(); at += size) {
    const auto open = reply.take(std::string_view(answer).substr(at, size));
    if (!open) {
      EXPECT_EQ(open.error().code, ErrorCode::upstream_unreachable);
      EXPECT_TRUE(open.error().at_proxy);
      const std::string begin = "provider 'p': the proxy at proxy:3128 (upstream_proxy) ";
      EXPECT_TRUE(open.error().context.starts_with(begin)) << open.error().context;
      return open.error().context.substr(begin.size());
    }
    // A proxy that speaks again later is found out by TLS.
    if (*open) return "open";
  }
  return "more";
}

struct Row {
  std::string answer;
  const char* expected;
};

TEST(Tunnel, TheAnswerIsReadStrictly) {
  const std::string not_http = "answered CONNECT with something that is not HTTP: ";
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\n\r\n", "open"},
      {"HTTP/1.0 200 Connection established\r\n\r\n", "open"},
      {"HTTP/1.1 200 \r\nProxy-Agent: x\r\nDate: y\r\n\r\n", "open"},
      {"HTTP/1.1 204 No Content\r\n\r\n", "open"},
      // RFC 9110, 9.3.6: a 2xx has no content, so these say nothing.
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "open"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "open"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "open"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "open"},
      {"", "more"},
      {"HTTP/1.1 200 OK\r\n", "more"},
      {"HTTP/1.1 200 OK\r\nA: b\r\n", "more"},
      {"HTTP/1.1 100 Continue\r\n\r\n", "more"},
      {"HTTP/1.1 403 Forbidden\r\n\r\n",
       "forbids connections to api.example:443 (403); ask its operator to allow them"},
      {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\n",
       "did not connect to api.example:443, it answered 502"},
      {"HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n",
       "did not connect to api.example:443, it answered 302"},
      {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
       "asks for a user and a password (407); write them into upstream_proxy"},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "sent interim answers nobody asked for"},
  };
  for (const Row& row : rows) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
      EXPECT_EQ(outcome(row.answer, size), row.expected) << row.answer;
    }
  }
  for (const std::string garbage :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 999 Odd\r\n\r\n", "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    const std::string why = outcome(garbage, 4096);
    EXPECT_TRUE(why.starts_with(not_http)) << garbage << why;
  }
}

TEST(Tunnel, APasswordThatWasRefusedIsNotShown) {
  EXPECT_EQ(outcome("HTTP/1.1 407 No\r\n\r\n", 99, "http://joe:hunter2@proxy:3128"),
            "does not accept the user and password of upstream_proxy (407); mend them there");
}

TEST(Tunnel, OctetsBehindTheAnswerAreRefused) {
  EXPECT_EQ(outcome("HTTP/1.1 200 OK\r\n\r\n\x16\x03", 99),
            "sent octets behind its answer to CONNECT, before the provider was spoken to; it is not "
            "trusted");
}

TEST(Tunnel, TheAnswerIsBounded) {
  EXPECT_NE(outcome("HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'a'), 2048), "more");
  EXPECT_NE(outcome(std::string(100'000, 'a'), 2048), "more");
  std::string interim;
  for (int i = 0; i < 10; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(outcome(interim, 10), "sent interim answers nobody asked for");
}

TEST(Tunnel, AnEndIsToldApartFromAFailure) {
  const auto provider = behind("http://proxy:3128", "https://api.example");
  TunnelReply reply(*provider);
  EXPECT_TRUE(reply.ended(asio::error::eof).context.ends_with("without answering CONNECT"));
  EXPECT_TRUE(reply.take("HTTP/1.1 200"));
  EXPECT_TRUE(reply.ended(asio::error::connection_reset).context.ends_with("within its answer to CONNECT"));
}

}  // namespace
}  // namespace farebox
