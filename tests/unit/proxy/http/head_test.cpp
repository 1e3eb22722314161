// Rows in the order of RFC 9112. What two parsers could read differently is refused.
#include "proxy/http/head.hpp"

#include <gtest/gtest.h>

#include "tests/support/http_transcript.hpp"

namespace farebox::http {
namespace {

using namespace std::string_view_literals;
using testing::requests_of;

// "ok", or the name of the error of the first head in `raw`.
std::string verdict(std::string_view raw, const HeadLimits& limits = {}) {
  const std::string text = requests_of(raw, {}, limits);
  if (text.starts_with("error ")) return text.substr(6);
  return text == "incomplete head" || text.empty() ? "incomplete" : "ok";
}

std::string with_line(std::string_view line) {
  return std::string(line) + "\r\nHost: a.test\r\n\r\n";
}
std::string with_fields(std::string_view fields, std::string_view version = "HTTP/1.1") {
  return "POST /x " + std::string(version) + "\r\nHost: a.test\r\n" + std::string(fields) + "\r\n";
}

struct Row {
  std::string_view text;
  std::string_view expected;
};

struct Parsed {
  std::string octets;
  RequestHead head;
  std::string framing;
};

Parsed parse(std::string octets) {
  Parsed parsed;
  parsed.octets = std::move(octets);
  const auto done = parse_request(parsed.octets, {}, parsed.head);
  EXPECT_TRUE(done) << parsed.octets << (done ? "" : done.error().context);
  parsed.framing = testing::framing_text(parsed.head);
  return parsed;
}

TEST(RequestHead, LinesEndWithCrlfOnly) {  // 2.2
  const Row rows[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
      {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
      {"GET / HTTP/1.1\nHost: a\n\n", "bad_request"},
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\nHost: a\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", "bad_request"},
      {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n", "bad_request"},
      {"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\n\tX: y\r\nHost: a\r\n\r\n", "bad_request"},
      {"GET / HTTP/1.1\r\nHost: a\r\n", "incomplete"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r", "incomplete"},
      {"", "incomplete"},
  };
  for (const Row& row : rows) EXPECT_EQ(verdict(row.text), row.expected) << row.text;
}

TEST(RequestHead, OnlyVersionsOneAreSpoken) {  // 2.3
  const Row rows[] = {
      {"GET / HTTP/1.1", "ok"},
      {"GET / HTTP/1.0", "ok"},
      {"GET / HTTP/1.2", "ok"},
      {"GET / HTTP/2.0", "version_unsupported"},
      {"GET / HTTP/3.0", "version_unsupported"},
      {"GET / HTTP/0.9", "version_unsupported"},
      {"GET /", "bad_request"},
      {"GET / HTTP/1", "bad_request"},
      {"GET / HTTP/1.", "bad_request"},
      {"GET / HTTP/1.10", "bad_request"},
      {"GET / HTTP/01.1", "bad_request"},
      {"GET / HTTP/1,1", "bad_request"},
      {"GET / HTTP/+1.1", "bad_request"},
      {"GET / HTTP 1.1", "bad_request"},
      {"GET / http/1.1", "bad_request"},
      {"GET / HTTPS/1.1", "bad_request"},
      {"GET / HTTP/1.1 ", "bad_request"},
      {"GET / HTTP/1.1 x", "bad_request"},
  };
  for (const Row& row : rows) EXPECT_EQ(verdict(with_line(row.text)), row.expected) << row.text;
  EXPECT_EQ(parse(with_line("GET / HTTP/1.2")).head.minor_version, 1);
  EXPECT_EQ(parse(with_line("GET / HTTP/1.0")).head.minor_version, 0);
}

TEST(RequestHead, TheRequestLineHasThreeWordsAndSingleBlanks) {  // 3
  const Row rows[] = {
      {"PURGE /x HTTP/1.1", "ok"},
      {"a!#$%&'*+-.^_`|~9 /x HTTP/1.1", "ok"},
      {"GET  /x HTTP/1.1", "bad_request"},
      {"GET /x  HTTP/1.1", "bad_request"},
      {" GET /x HTTP/1.1", "bad_request"},
      {"GET\t/x HTTP/1.1", "bad_request"},
      {"GET /x\tHTTP/1.1", "bad_request"},
      {"GET\v/x HTTP/1.1", "bad_request"},
      {"GE(T /x HTTP/1.1", "bad_request"},
      {"G\xc3\x89T /x HTTP/1.1", "bad_request"},
      {"/x HTTP/1.1", "bad_request"},
      {"GET HTTP/1.1", "bad_request"},
      {"GET /a b HTTP/1.1", "bad_request"},
      {"GET /a\x01 HTTP/1.1", "bad_request"},
      {"GET /a\x7f HTTP/1.1", "bad_request"},
      {"GET /\xc3\xa9 HTTP/1.1", "bad_request"},
      {"GET /a\0b HTTP/1.1"sv, "bad_request"},
      {"GET /a#b HTTP/1.1", "bad_request"},
      {"GET\0 /a HTTP/1.1"sv, "bad_request"},
  };
  for (const Row& row : rows) EXPECT_EQ(verdict(with_line(row.text)), row.expected) << row.text;
}

TEST(RequestHead, TargetsHaveFourForms) {  // 3.2.1 to 3.2.4
  const Row rows[] = {
      {"GET /v1/models?limit=3&x=%20 HTTP/1.1", "ok"},
      {"GET //v1//models HTTP/1.1", "ok"},
      {"GET http://b.test/v1 HTTP/1.1", "ok"},
      {"GET HTTP://b.test:8080/v1 HTTP/1.1", "ok"},
      {"GET http://b.test HTTP/1.1", "ok"},
      {"OPTIONS * HTTP/1.1", "ok"},
      {"GET * HTTP/1.1", "bad_request"},
      {"OPTIONS ** HTTP/1.1", "bad_request"},
      {"GET v1/models HTTP/1.1", "bad_request"},
      {"GET ?x HTTP/1.1", "bad_request"},
      {"GET b.test:80 HTTP/1.1", "bad_request"},
      {"GET http:///v1 HTTP/1.1", "bad_request"},
      {"GET http:/v1 HTTP/1.1", "bad_request"},
      {"GET http:// HTTP/1.1", "bad_request"},
      {"GET http://user@b.test/v1 HTTP/1.1", "bad_request"},
      {"GET http://b.test:x/v1 HTTP/1.1", "bad_request"},
      {"GET ftp://b.test/v1 HTTP/1.1", "bad_request"},
      {"GET file:///etc/passwd HTTP/1.1", "bad_request"},
      {"CONNECT b.test:443 HTTP/1.1", "ok"},
      {"CONNECT [::1]:443 HTTP/1.1", "ok"},
      {"CONNECT b.test HTTP/1.1", "bad_request"},
      {"CONNECT b.test: HTTP/1.1", "bad_request"},
      {"CONNECT b.test:https HTTP/1.1", "bad_request"},
      {"CONNECT b.test:65536 HTTP/1.1", "bad_request"},
      {"CONNECT :443 HTTP/1.1", "bad_request"},
      {"CONNECT [::1] HTTP/1.1", "bad_request"},
      {"CONNECT /x HTTP/1.1", "bad_request"},
      {"CONNECT http://b.test:443/ HTTP/1.1", "bad_request"},
  };
  for (const Row& row : rows) EXPECT_EQ(verdict(with_line(row.text)), row.expected) << row.text;
}

TEST(RequestHead, AnAbsoluteFormOverridesHostAndIsReducedToItsPath) {  // 3.2.2
  const Parsed whole = parse("GET http://b.test:81/v1?q HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(whole.head.host, "b.test:81");
  EXPECT_EQ(whole.head.target, "/v1?q");
  const Parsed bare = parse("GET http://b.test HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(bare.head.target, "/");
  const Parsed path = parse("GET /v1 HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(path.head.host, "a.test");
}

TEST(RequestHead, HostStandsOnceAndIsValid) {  // 3.2
  const Row rows[] = {
      {"Host: a\r\n", "ok"},
      {"hOsT: A.test:8080\r\n", "ok"},
      {"Host: 127.0.0.1:4141\r\n", "ok"},
      {"Host: [::1]:4141\r\n", "ok"},
      {"Host: [2001:db8::1.2.3.4]\r\n", "ok"},
      {"Host: a_b.test\r\n", "ok"},
      {"Host: a%2db.test\r\n", "ok"},
      {"Host:\t a \t\r\n", "ok"},
      {"", "bad_request"},
      {"Host:\r\n", "bad_request"},
      {"Host: a\r\nHost: a\r\n", "bad_request"},
      {"Host: a\r\nX: y\r\nhost: b\r\n", "bad_request"},
      {"Host: a, b\r\n", "bad_request"},
      {"Host: a b\r\n", "bad_request"},
      {"Host: a/b\r\n", "bad_request"},
      {"Host: a?b\r\n", "bad_request"},
      {"Host: a#b\r\n", "bad_request"},
      {"Host: u@a\r\n", "bad_request"},
      {"Host: http://a\r\n", "bad_request"},
      {"Host: a\\b\r\n", "bad_request"},
      {"Host: a<b>\r\n", "bad_request"},
      {"Host: a\xc3\xa9\r\n", "bad_request"},
      {"Host: a%2\r\n", "bad_request"},
      {"Host: a%zz\r\n", "bad_request"},
      {"Host: a:b\r\n", "bad_request"},
      {"Host: a:-1\r\n", "bad_request"},
      {"Host: a:65536\r\n", "bad_request"},
      {"Host: a:80:80\r\n", "bad_request"},
      {"Host: :80\r\n", "bad_request"},
      {"Host: [::1\r\n", "bad_request"},
      {"Host: ::1\r\n", "bad_request"},
      {"Host: []\r\n", "bad_request"},
      {"Host: [::g]\r\n", "bad_request"},
      {"Host: [::1]x\r\n", "bad_request"},
      {"Host : a\r\n", "bad_request"},
  };
  for (const Row& row : rows) {
    const std::string raw = "GET / HTTP/1.1\r\n" + std::string(row.text) + "\r\n";
    EXPECT_EQ(verdict(raw), row.expected) << row.text;
  }
  EXPECT_EQ(verdict("GET / HTTP/1.0\r\n\r\n"), "ok");
  EXPECT_EQ(verdict("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), "bad_request");
  EXPECT_EQ(verdict("GET http://b.test/ HTTP/1.1\r\n\r\n"), "bad_request");
}

TEST(RequestHead, FieldsAreATokenAColonAndVisibleText) {  // 5, 5.1, 5.2; RFC 9110, 5.5
  const Row rows[] = {
      {"X:1\r\n", "ok"},
      {"X: \t1 2\t \r\n", "ok"},
      {"X:\r\n", "ok"},
      {"X: \xc3\xa9\xff\r\n", "ok"},
      {"a!#$%&'*+-.^_`|~9: 1\r\n", "ok"},
      {"X: a:b\r\n", "ok"},
      {"X : 1\r\n", "bad_request"},
      {"X\t: 1\r\n", "bad_request"},
      {": 1\r\n", "bad_request"},
      {"nocolon\r\n", "bad_request"},
      {"X Y: 1\r\n", "bad_request"},
      {"X<Y: 1\r\n", "bad_request"},
      {"X\xc3\xa9: 1\r\n", "bad_request"},
      {"X\0: 1\r\n"sv, "bad_request"},
      {"X: a\r\n b\r\n", "bad_request"},
      {"X: a\r\n\tb\r\n", "bad_request"},
      {"X: a\r\n \r\n", "bad_request"},
      {"X: a\0b\r\n"sv, "bad_request"},
      {"X: \x01\r\n", "bad_request"},
      {"X: a\x0b\r\n", "bad_request"},
      {"X: \x1b[31m\r\n", "bad_request"},
      {"X: a\x7f\r\n", "bad_request"},
      {"X: a\rb\r\n", "bad_request"},
      {"\0: 1\r\n"sv, "bad_request"},
  };
  for (const Row& row : rows) EXPECT_EQ(verdict(with_fields(row.text)), row.expected) << row.text;
}

TEST(RequestHead, OrderAndSpellingOfFieldsAreKept) {  // 5.3
  const Parsed parsed = parse(with_fields("X-b: 2\r\nx-A: \t1 \r\nX-B: 3\r\n"));
  EXPECT_EQ(testing::fields_text(parsed.head.fields), "Host: a.test\nX-b: 2\nx-A: 1\nX-B: 3\n");
  EXPECT_EQ(parsed.head.value("x-b"), "2");
  EXPECT_EQ(parsed.head.value("x-c"), "");
  EXPECT_TRUE(parsed.head.has("x-a"));
  EXPECT_FALSE(parsed.head.has("x-c"));
}

TEST(RequestHead, ContentIsFramedInOneWayOrRefused) {  // 6.1 to 6.3
  const Row rows[] = {
      {"", "none keep"},
      {"Content-Length: 0\r\n", "length 0 keep"},
      {"Content-Length: 13\r\n", "length 13 keep"},
      {"Content-Length: 00013\r\n", "length 13 keep"},
      {"content-length:\t13\r\n", "length 13 keep"},
      {"Content-Length: 9223372036854775807\r\n", "length 9223372036854775807 keep"},
      {"Transfer-Encoding: chunked\r\n", "chunked keep"},
      {"TRANSFER-ENCODING: Chunked\r\n", "chunked keep"},
  };
  for (const Row& row : rows) EXPECT_EQ(parse(with_fields(row.text)).framing, row.expected) << row.text;

  const Row refused[] = {
      {"Content-Length:\r\n", "bad_request"},
      {"Content-Length: -1\r\n", "bad_request"},
      {"Content-Length: +4\r\n", "bad_request"},
      {"Content-Length: 4abc\r\n", "bad_request"},
      {"Content-Length: 0x4\r\n", "bad_request"},
      {"Content-Length: 4.0\r\n", "bad_request"},
      {"Content-Length: 4 4\r\n", "bad_request"},
      {"Content-Length: \"4\"\r\n", "bad_request"},
      {"Content-Length: 4,\r\n", "bad_request"},
      {"Content-Length: 4, 4\r\n", "bad_request"},
      {"Content-Length: 4, 5\r\n", "bad_request"},
      {"Content-Length: 4\r\nContent-Length: 4\r\n", "bad_request"},
      {"Content-Length: 4\r\ncontent-length: 5\r\n", "bad_request"},
      {"Content-Length: 9223372036854775808\r\n", "bad_request"},
      {"Content-Length: 18446744073709551616\r\n", "bad_request"},
      {"Content-Length: 99999999999999999999999\r\n", "bad_request"},
      {"Content-Length: \xd9\xa4\r\n", "bad_request"},
      {"Content-Length : 4\r\n", "bad_request"},
      {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "bad_request"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "bad_request"},
      {"Transfer-Encoding: identity\r\nContent-Length: 4\r\n", "bad_request"},
      {"Transfer-Encoding:\r\n", "bad_request"},
      {"Transfer-Encoding: identity\r\n", "bad_request"},
      {"Transfer-Encoding: deflate\r\n", "bad_request"},
      {"Transfer-Encoding: chunkedd\r\n", "bad_request"},
      {"Transfer-Encoding: xchunked\r\n", "bad_request"},
      {"Transfer-Encoding: \"chunked\"\r\n", "bad_request"},
      {"Transfer-Encoding: chunked;q=1\r\n", "bad_request"},
      {"Transfer-Encoding: chunked,\r\n", "bad_request"},
      {"Transfer-Encoding: ,chunked\r\n", "bad_request"},
      {"Transfer-Encoding: chunked, chunked\r\n", "bad_request"},
      {"Transfer-Encoding: chunked, gzip\r\n", "bad_request"},
      {"Transfer-Encoding: chunked, identity\r\n", "bad_request"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "bad_request"},
      {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "bad_request"},
      {"Transfer-Encoding: \x0b" "chunked\r\n", "bad_request"},
      {"Transfer-Encoding : chunked\r\n", "bad_request"},
      {"Transfer-Encoding\r\n : chunked\r\n", "bad_request"},
      // Codings that exist but that we don't read (6.1: 501).
      {"Transfer-Encoding: gzip, chunked\r\n", "upgrade_unsupported"},
  };
  for (const Row& row : refused) EXPECT_EQ(verdict(with_fields(row.text)), row.expected) << row.text;
  EXPECT_EQ(verdict(with_fields("Transfer-Encoding: chunked\r\n", "HTTP/1.0")), "bad_request");
  EXPECT_EQ(parse(with_fields("Content-Length: 4\r\n", "HTTP/1.0")).framing, "length 4 close");
}

TEST(RequestHead, ConnectionsPersistUnlessSomebodySaysOtherwise) {  // 9.3
  struct Persistence {
    std::string_view version, fields;
    bool keep;
  };
  const Persistence rows[] = {
      {"HTTP/1.1", "", true},
      {"HTTP/1.1", "Connection: close\r\n", false},
      {"HTTP/1.1", "Connection: x, CLOSE ,y\r\n", false},
      {"HTTP/1.1", "Connection: x\r\nConnection: close\r\n", false},
      {"HTTP/1.1", "Connection: keep-alive, close\r\n", false},
      {"HTTP/1.1", "Connection: closed\r\n", true},
      {"HTTP/1.1", "Connection: \"close\"\r\n", true},
      {"HTTP/1.1", "Proxy-Connection: close\r\n", true},
      {"HTTP/1.0", "", false},
      {"HTTP/1.0", "Connection: keep-alive\r\n", true},
      {"HTTP/1.0", "Connection: Keep-Alive\r\nConnection: close\r\n", false},
      {"HTTP/1.0", "Keep-Alive: timeout=5\r\n", false},
      {"HTTP/1.2", "", true},
  };
  for (const Persistence& row : rows) {
    EXPECT_EQ(parse(with_fields(row.fields, row.version)).head.keep_alive, row.keep)
        << row.version << " " << row.fields;
  }
}

TEST(RequestHead, TheOnlyExpectationIsContinue) {  // RFC 9110, 10.1.1
  EXPECT_TRUE(parse(with_fields("Expect: 100-continue\r\n")).head.expects_continue);
  EXPECT_TRUE(parse(with_fields("Expect: 100-Continue\r\n")).head.expects_continue);
  EXPECT_FALSE(parse(with_fields("")).head.expects_continue);
  EXPECT_FALSE(parse(with_fields("Expect: 100-continue\r\n", "HTTP/1.0")).head.expects_continue);
  for (const char* other : {"200-ok", "100-continue, 200-ok", "100", "100-continue;q=1"}) {
    EXPECT_EQ(verdict(with_fields("Expect: " + std::string(other) + "\r\n")), "expectation_failed");
  }
}

TEST(RequestHead, AWebSocketIsAskedForByThreeFieldsAndVersionOneOne) {  // RFC 9110, 7.8
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const std::string upgrade = "Upgrade: WebSocket\r\n";
  const std::string connection = "Connection: keep-alive, Upgrade\r\n";
  EXPECT_TRUE(parse(with_fields(key + upgrade + connection)).head.asks_websocket);
  EXPECT_FALSE(parse(with_fields(key + upgrade)).head.asks_websocket);
  EXPECT_FALSE(parse(with_fields(key + connection)).head.asks_websocket);
  EXPECT_FALSE(parse(with_fields(upgrade + connection)).head.asks_websocket);
  EXPECT_FALSE(parse(with_fields("Upgrade: h2c\r\n" + key + connection)).head.asks_websocket);
  // A server must ignore Upgrade in HTTP/1.0.
  EXPECT_FALSE(parse(with_fields(key + upgrade + connection, "HTTP/1.0")).head.asks_websocket);
}

TEST(RequestHead, WhatStandsInBracketsIsAnAddress) {
  for (const char* host : {"[12]", "[1:2]", "[....]", "[:::]"}) {
    EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), "bad_request") << host;
  }
}

TEST(RequestHead, AnAbsoluteFormMayHaveAQueryAndNoPath) {
  EXPECT_EQ(verdict(with_line("GET http://b.test?x=1 HTTP/1.1")), "ok");
}

TEST(RequestHead, EveryLimitHolds) {
  const HeadLimits limits{40, 100, 3};
  const std::string line = "GET /" + std::string(26, 'x') + " HTTP/1.1";  // 40 octets
  ASSERT_EQ(line.size() + 1, 41u);
  EXPECT_EQ(verdict("GET /" + std::string(25, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits), "ok");
  EXPECT_EQ(verdict(line + "x\r\nHost: a\r\n\r\n", limits), "uri_too_long");
  EXPECT_EQ(verdict(std::string(41, 'x'), limits), "uri_too_long");
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(80, 'y'), limits),
            "headers_too_large");
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", limits), "ok");
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits),
            "headers_too_large");
}

TEST(RequestHead, AUsedHeadForgetsWhatItHeld) {
  RequestHead head;
  ASSERT_TRUE(parse_request("GET http://b.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                            "Expect: 100-continue\r\nConnection: close\r\n\r\n", {}, head));
  ASSERT_TRUE(parse_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {}, head));
  EXPECT_EQ(testing::describe(head), "GET / 1.1 host=a none keep\nHost: a\n");
  head.clear();
  EXPECT_TRUE(head.fields.empty());
  EXPECT_TRUE(head.method.empty());
}

}  // namespace
}  // namespace farebox::http
