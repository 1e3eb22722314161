// What changes between a provider's answer and ours.
#include <gtest/gtest.h>

#include "proxy/headers.hpp"
#include "tests/support/make_provider.hpp"

namespace farebox {
namespace {

using http::Framing;

const std::string kKey = "sk-provider-1234567890";
const std::string kOurs = "x-farebox-request-id: r1\nx-farebox-provider: openai\nx-farebox-attempts: 1\n";

struct Answering {
  std::string line = "HTTP/1.1 200 OK";
  std::string fields = {};
  std::string method = "POST";
  OutgoingFraming framing = {};
  std::vector<std::string> keys = {};
  int client_minor = 1;
  bool close = false;
};

std::string written(const Answering& answering) {
  const auto provider = testing::make_provider("openai", DialectName::openai, "https://api.test", answering.keys);
  const std::string text = answering.line + "\r\n" + answering.fields + "\r\n";
  http::ResponseHead head;
  EXPECT_TRUE(http::parse_response(text, answering.method, {}, head)) << text;
  std::string out;
  write_response_head(out, {head, *provider, answering.method, answering.framing, "r1", 1,
                            answering.client_minor, answering.close});
  EXPECT_FALSE(out.ends_with("\r\n\r\n"));  // more may follow
  std::erase(out, '\r');
  return out;
}

TEST(ResponseHeaders, TheStatusLineIsOursWithItsReason) {
  EXPECT_EQ(written({.line = "HTTP/1.0 418 I'm a teapot"}), "HTTP/1.1 418 I'm a teapot\n" + kOurs);
  EXPECT_EQ(written({.line = "HTTP/1.1 200"}), "HTTP/1.1 200 \n" + kOurs);
}

TEST(ResponseHeaders, EndToEndFieldsPassInOrderAndSpelling) {
  EXPECT_EQ(written({.fields = "OpenAI-Version: 1\r\nset-cookie: a\r\nSet-Cookie: b\r\nVia: 1.1 cdn\r\n"}),
            "HTTP/1.1 200 OK\nOpenAI-Version: 1\nset-cookie: a\nSet-Cookie: b\nVia: 1.1 cdn\n" + kOurs);
}

TEST(ResponseHeaders, WhatBelongsToOneConnectionEndsHere) {
  for (const char* name : {"Connection", "keep-alive", "Proxy-Connection", "TE", "Trailer", "Upgrade",
                           "Proxy-Authenticate", "Proxy-Authentication-Info", "x-farebox-cost-usd",
                           "X-Farebox-Provider"}) {
    EXPECT_EQ(written({.fields = std::string(name) + ": x\r\nA: 1\r\n"}), "HTTP/1.1 200 OK\nA: 1\n" + kOurs)
        << name;
  }
  EXPECT_EQ(written({.fields = "X-Hop: 1\r\nConnection: x-hop\r\nA: 1\r\n"}), "HTTP/1.1 200 OK\nA: 1\n" + kOurs);
}

TEST(ResponseHeaders, AnEchoOfAProvidersKeyNeverPasses) {  // reliability, X2
  const std::string echoes = "X-Echo: Bearer " + kKey + "\r\nx-key: " + kKey + "\r\nX-Second: sk-second\r\n" +
                             kKey + ": in-a-name\r\nA: 1\r\n";
  EXPECT_EQ(written({.fields = echoes, .keys = {kKey, "sk-second"}}), "HTTP/1.1 200 OK\nA: 1\n" + kOurs);
  // A caller's own key is the caller's to see.
  EXPECT_NE(written({.fields = echoes}).find(kKey), std::string::npos);
}

TEST(ResponseHeaders, FramingIsOurs) {
  struct Row {
    const char* fields;
    OutgoingFraming framing;
    const char* expected;
  };
  const Row rows[] = {
      {"Content-Length: 5\r\n", {Framing::length, 5}, "Content-Length: 5\n"},
      {"Content-Length: 5, 5\r\n", {Framing::length, 5}, "Content-Length: 5\n"},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", {Framing::length, 5}, "Content-Length: 5\n"},
      {"Content-Length: 5\r\n", {Framing::chunked}, "Transfer-Encoding: chunked\n"},
      {"Transfer-Encoding: chunked\r\n", {Framing::chunked}, "Transfer-Encoding: chunked\n"},
      {"Transfer-Encoding: chunked\r\n", {Framing::until_close}, ""},
      {"", {Framing::until_close}, ""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(written({.fields = row.fields, .framing = row.framing}), "HTTP/1.1 200 OK\n" + kOurs + row.expected)
        << row.fields;
  }
}

TEST(ResponseHeaders, WhatHasNoContentSaysOnlyTheLengthItStandsFor) {  // RFC 9110, 8.6
  struct Row {
    const char* line;
    const char* method;
    const char* fields;
    const char* expected;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK", "HEAD", "Content-Length: 512\r\n", "Content-Length: 512\n"},
      {"HTTP/1.1 200 OK", "HEAD", "Content-Length: 5, 5\r\n", "Content-Length: 5\n"},
      {"HTTP/1.1 200 OK", "HEAD", "Transfer-Encoding: chunked\r\n", ""},
      {"HTTP/1.1 200 OK", "HEAD", "", ""},
      {"HTTP/1.1 304 Not Modified", "GET", "Content-Length: 512\r\n", "Content-Length: 512\n"},
      {"HTTP/1.1 204 No Content", "DELETE", "Content-Length: 0\r\n", ""},
      {"HTTP/1.1 204 No Content", "DELETE", "Transfer-Encoding: chunked\r\n", ""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(written({.line = row.line, .fields = row.fields, .method = row.method}),
              std::string(row.line) + "\n" + kOurs + row.expected)
        << row.line << " " << row.fields;
  }
}

TEST(ResponseHeaders, ConnectionSaysWhatTheClientsVersionNeeds) {
  const auto ending = [](int minor, bool close) {
    const std::string out = written({.framing = {Framing::length, 1}, .client_minor = minor, .close = close});
    return out.substr(out.find("Content-Length: 1\n") + 18);
  };
  EXPECT_EQ(ending(1, false), "");
  EXPECT_EQ(ending(1, true), "Connection: close\n");
  EXPECT_EQ(ending(0, false), "Connection: keep-alive\n");
  EXPECT_EQ(ending(0, true), "Connection: close\n");
}

TEST(InterimHeaders, PassWithoutWhatBelongsToTheConnection) {
  http::ResponseHead head;
  ASSERT_TRUE(http::parse_response("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nKeep-Alive: x\r\n"
                                   "Content-Length: 3\r\nx-farebox-y: z\r\nX-Echo: sk-1\r\n\r\n", "GET", {}, head));
  std::string out;
  const auto provider =
      testing::make_provider("openai", DialectName::openai, "https://api.test", {"sk-1"});
  write_interim_head(out, head, *provider);
  EXPECT_EQ(out, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

}  // namespace
}  // namespace farebox
