#include "proxy/headers.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/make_provider.hpp"

namespace farebox {
namespace {

using http::Framing;
using testing::make_provider;

const std::string kKey = "sk-provider-1234567890";

struct Sending {
  std::string method = "POST";
  std::string fields = {};
  OutgoingFraming framing = {};
  std::vector<std::string> keys = {};
  std::string via = {};
  DialectName dialect = DialectName::openai;
  bool foreign = false;
};

// The fields that a provider at api.test receives, one a line.
std::string sent(const Sending& sending) {
  const auto provider = make_provider("p", sending.dialect, "https://api.test/v1", sending.keys);
  const std::string text =
      sending.method + " /v1/x?y HTTP/1.1\r\nHost: 127.0.0.1:4141\r\n" + sending.fields + "\r\n";
  http::RequestHead head;
  const auto parsed = http::parse_request(text, {}, head);
  EXPECT_TRUE(parsed) << text;
  std::string out;
  write_request_head(out, {head, *provider, "/v1/x?y", sending.framing, testing::first_key(*provider), sending.via,
                           {}, sending.foreign});
  const std::string line = sending.method + " /v1/x?y HTTP/1.1\r\n";
  EXPECT_TRUE(out.starts_with(line)) << out;
  EXPECT_TRUE(out.ends_with("\r\n\r\n")) << out;
  out = out.substr(line.size(), out.size() - line.size() - 2);
  std::erase(out, '\r');
  return out;
}

std::string sent_fields(std::string fields) { return sent({.fields = std::move(fields)}); }

// What stands around the fields of a request that needs nothing else.
std::string around(const std::string& fields) {
  return "Host: api.test\n" + fields + "Accept-Encoding: identity\n";
}

TEST(RequestHeaders, OrderAndSpellingAreKept) {
  EXPECT_EQ(sent_fields("X-b: 2\r\nx-A:1\r\nX-B: 3\r\nOpenAI-Beta: \tassistants=v2 \r\n"),
            around("X-b: 2\nx-A: 1\nX-B: 3\nOpenAI-Beta: assistants=v2\n"));
}

TEST(RequestHeaders, WhatWasSentForOneProviderDoesNotReachAnother) {
  const std::string fields = "Authorization: Bearer sk-callers-own\r\nX-Api-Key: k\r\nCookie: a=b\r\n"
                             "OpenAI-Organization: org\r\nA: 1\r\n";
  EXPECT_EQ(sent({.fields = fields, .foreign = true}), around("A: 1\n"));
  EXPECT_EQ(sent({.fields = fields, .keys = {kKey}, .foreign = true}),
            "Host: api.test\nAuthorization: Bearer " + kKey + "\nA: 1\nAccept-Encoding: identity\n");
}

TEST(RequestHeaders, HostIsTheProvidersInItsPlace) {
  EXPECT_EQ(sent_fields("A: 1\r\n"), around("A: 1\n"));
  const auto provider = make_provider("p", DialectName::openai, "http://api.test:8080");
  http::RequestHead head;
  ASSERT_TRUE(http::parse_request("GET / HTTP/1.0\r\nA: 1\r\n\r\n", {}, head));
  std::string out;
  write_request_head(out, {head, *provider, "/", {}, nullptr, ""});
  EXPECT_EQ(out, "GET / HTTP/1.1\r\nA: 1\r\nHost: api.test:8080\r\nAccept-Encoding: identity\r\n\r\n");
}

TEST(RequestHeaders, WhatBelongsToOneConnectionEndsHere) {  // RFC 9110, 7.6.1
  for (const char* name :
       {"Connection", "keep-alive", "Proxy-Connection", "TE", "Trailer", "Upgrade",
        "HTTP2-Settings", "Expect", "Proxy-Authenticate", "Proxy-Authorization",
        "Proxy-Authentication-Info", "X-Farebox-Key", "x-farebox-project", "X-FAREBOX-ANYTHING"}) {
    const std::string value = std::string(name) == "Expect" ? "100-continue" : "trailers";
    EXPECT_EQ(sent_fields(std::string(name) + ": " + value + "\r\nA: 1\r\n"), around("A: 1\n")) << name;
  }
  EXPECT_EQ(sent_fields("X-Farebo: 1\r\nKeep-Alives: 1\r\n"), around("X-Farebo: 1\nKeep-Alives: 1\n"));
}

TEST(RequestHeaders, FieldsNamedByConnectionEndHere) {  // RFC 9110, 7.6.1
  struct Row {
    const char* fields;
    std::string expected;
  };
  const Row rows[] = {
      {"Connection: X-Hop\r\nX-Hop: 1\r\nA: 1\r\n", around("A: 1\n")},
      {"X-Hop: 1\r\nA: 1\r\nConnection: close, x-hop\r\n", around("A: 1\n")},
      {"X-Hop: 1\r\nx-hop: 2\r\nConnection: keep-alive\r\nConnection: X-HOP\r\n", around("")},
      {"Connection: X-Hop\r\nX-Hopper: 1\r\n", around("X-Hopper: 1\n")},
      // Some names can't be given away: without them the message would mean something else.
      {"Connection: host\r\n", around("")},
  };
  for (const Row& row : rows) EXPECT_EQ(sent_fields(row.fields), row.expected) << row.fields;
  EXPECT_EQ(sent({.fields = "Connection: Content-Length\r\nContent-Length: 4\r\n",
                  .framing = {Framing::length, 4}}),
            around("Content-Length: 4\n"));
  EXPECT_EQ(sent({.fields = "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n",
                  .framing = {Framing::chunked}}),
            around("Transfer-Encoding: chunked\n"));
  EXPECT_EQ(sent({.fields = "Connection: authorization\r\nAuthorization: Bearer caller\r\n", .keys = {kKey}}),
            "Host: api.test\nauthorization: Bearer " + kKey + "\nAccept-Encoding: identity\n");
}

TEST(RequestHeaders, TwinsWithUnderscoresAreDropped) {
  for (const char* twin :
       {"Content_Length", "Transfer_Encoding", "Proxy_Connection", "X_Api_Key",
        "api_key", "x_goog-api_key", "Keep_Alive", "Accept_Encoding", "Max_Forwards",
        "x_farebox_project", "X-Farebox_Key"}) {
    EXPECT_EQ(sent_fields(std::string(twin) + ": 1\r\nA: 1\r\n"), around("A: 1\n")) << twin;
  }
  EXPECT_EQ(sent_fields("my_field: 1\r\n"), around("my_field: 1\n"));
}

TEST(RequestHeaders, CredentialsPassWhenTheProviderHasNoKeys) {
  EXPECT_EQ(sent_fields("Authorization: Bearer caller\r\nX-Api-Key: caller\r\n"),
            around("Authorization: Bearer caller\nX-Api-Key: caller\n"));
}

TEST(RequestHeaders, CredentialsAreReplacedWhereTheyStand) {
  const std::string bearer = "Bearer " + kKey;
  struct Row {
    DialectName dialect;
    const char* fields;
    std::string expected;
  };
  const Row rows[] = {
      {DialectName::openai, "Authorization: Bearer caller\r\nA: 1\r\n",
       around("Authorization: " + bearer + "\nA: 1\n")},
      {DialectName::openai, "A: 1\r\nAUTHORIZATION: Basic Zm86\r\n",
       around("A: 1\nAUTHORIZATION: " + bearer + "\n")},
      {DialectName::openai, "x-api-key: caller\r\nA: 1\r\n",
       around("authorization: " + bearer + "\nA: 1\n")},
      {DialectName::openai, "Authorization: a\r\nauthorization: b\r\napi-key: c\r\nx-goog-api-key: d\r\n",
       around("Authorization: " + bearer + "\n")},
      {DialectName::anthropic, "X-Api-Key: caller\r\nanthropic-version: 2023-06-01\r\n",
       around("X-Api-Key: " + kKey + "\nanthropic-version: 2023-06-01\n")},
      {DialectName::anthropic, "Authorization: Bearer caller\r\n", around("x-api-key: " + kKey + "\n")},
      {DialectName::gemini, "x-goog-api-key: caller\r\n", around("x-goog-api-key: " + kKey + "\n")},
      {DialectName::azure, "api-key: caller\r\n", around("api-key: " + kKey + "\n")},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(sent({.fields = row.fields, .keys = {kKey}, .dialect = row.dialect}), row.expected) << row.fields;
  }
  EXPECT_EQ(sent({.fields = "A: 1\r\n", .keys = {kKey}}),
            "Host: api.test\nA: 1\nauthorization: " + bearer + "\nAccept-Encoding: identity\n");
}

TEST(RequestHeaders, FramingIsOursInTheCallersPlace) {
  struct Row {
    const char* fields;
    OutgoingFraming framing;
    std::string expected;
  };
  const Row rows[] = {
      {"Content-Length: 4\r\nA: 1\r\n", {Framing::length, 41}, around("Content-Length: 41\nA: 1\n")},
      {"Content-Length: 0\r\nA: 1\r\n", {Framing::length, 0}, around("Content-Length: 0\nA: 1\n")},
      {"Transfer-Encoding: Chunked\r\nA: 1\r\n", {Framing::length, 9}, around("Content-Length: 9\nA: 1\n")},
      {"Transfer-Encoding: chunked\r\nA: 1\r\n", {Framing::chunked}, around("Transfer-Encoding: chunked\nA: 1\n")},
      {"A: 1\r\n", {}, around("A: 1\n")},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(sent({.fields = row.fields, .framing = row.framing}), row.expected) << row.fields;
  }
}

TEST(RequestHeaders, AnUncompressedReplyIsAskedForOnce) {
  EXPECT_EQ(sent_fields("A: 1\r\naccept-encoding: gzip, br\r\nB: 2\r\nAccept-Encoding: zstd\r\n"),
            "Host: api.test\nA: 1\naccept-encoding: identity\nB: 2\n");
}

TEST(RequestHeaders, MaxForwardsCountsDownForOptionsOnly) {  // RFC 9110, 7.6.2
  EXPECT_EQ(sent({.method = "OPTIONS", .fields = "max-forwards: 5\r\n"}), around("max-forwards: 4\n"));
  EXPECT_EQ(sent({.method = "OPTIONS", .fields = "Max-Forwards: 1\r\n"}), around("Max-Forwards: 0\n"));
  EXPECT_EQ(sent({.method = "POST", .fields = "Max-Forwards: 5\r\n"}), around("Max-Forwards: 5\n"));
  EXPECT_EQ(sent({.method = "OPTIONS", .fields = "Max-Forwards: x\r\n"}), around("Max-Forwards: x\n"));
}

TEST(RequestHeaders, ViaIsAddedBehindWhatIsThere) {  // RFC 9110, 7.6.3
  EXPECT_EQ(sent({.fields = "Via: 1.0 fred\r\n", .via = "1.1 farebox-ab12"}),
            around("Via: 1.0 fred\n") + "Via: 1.1 farebox-ab12\n");
  EXPECT_EQ(sent_fields("Via: 1.0 fred\r\n"), around("Via: 1.0 fred\n"));
}

TEST(RequestHeaders, ALoopIsOurOwnInstanceInVia) {
  http::RequestHead head;
  const auto comes = [&](const std::string& fields) {
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    EXPECT_TRUE(http::parse_request(text, {}, head));
    return came_through(head, "farebox-ab12");
  };
  EXPECT_TRUE(comes("Via: 1.1 farebox-ab12\r\n"));
  EXPECT_TRUE(comes("Via: 1.0 fred\r\nvia: 1.1 x, 1.1 farebox-ab12 (comment)\r\n"));
  EXPECT_FALSE(comes("Via: 1.1 farebox-cd34\r\n"));
  EXPECT_FALSE(comes("X-Via: 1.1 farebox-ab12\r\n"));
  EXPECT_FALSE(comes(""));
}

// What is written is read again by the strictest reader at hand, and means the same.
TEST(RequestHeaders, WhatIsWrittenCanBeReadInOneWayOnly) {
  const std::string names[] = {"A", "Connection", "Content_Length", "X-Hop", "Accept-Encoding",
                               "Authorization", "Via", "TE", "Cookie", "x-farebox-tags"};
  const std::string values[] = {"", "1", "X-Hop, close", "a,b", "\xff\xc3", "chunked", "x\ty"};
  std::mt19937 random(11);
  for (int round = 0; round < 2'000; ++round) {
    std::string fields;
    for (auto count = random() % 8; count > 0; --count) {
      fields += names[random() % std::size(names)] + ": " + values[random() % std::size(values)] + "\r\n";
    }
    const std::string again = "POST / HTTP/1.1\n" +
                              sent({.fields = fields, .framing = {Framing::length, 3},
                                    .keys = {kKey}, .via = "1.1 farebox-ab12"}) + "\n";
    std::string wire;
    for (const char c : again) wire += c == '\n' ? "\r\n" : std::string(1, c);
    http::RequestHead head;
    ASSERT_TRUE(http::parse_request(wire, {}, head)) << wire;
    ASSERT_EQ(head.framing, Framing::length);
    ASSERT_EQ(head.content_length, 3u);
    ASSERT_EQ(head.host, "api.test");
    ASSERT_TRUE(head.keep_alive);
    ASSERT_EQ(head.value("authorization"), "Bearer " + kKey);
  }
}

TEST(Credentials, OnlyTheRightShapeIsAVirtualKey) {
  const std::string key = "fb-" + std::string(43, 'A');
  EXPECT_TRUE(looks_like_virtual_key(key));
  EXPECT_TRUE(looks_like_virtual_key("fb-0123456789abcdefghijklmnopqrstuvwxyzABCDE-_"));
  for (const std::string& other :
       {std::string(), key + "A", key.substr(0, 45), "FB-" + std::string(43, 'A'),
        "fb_" + std::string(43, 'A'), "fb-" + std::string(42, 'A') + "=", "fb-" + std::string(42, 'A') + "+",
        "fb-" + std::string(41, 'A') + "\xc3\xa9", " " + key, "sk-" + std::string(43, 'A')}) {
    EXPECT_FALSE(looks_like_virtual_key(other)) << other;
  }
}

TEST(QueryParameters, AreFoundAndDroppedByTheirWholeName) {
  struct Row {
    const char* target;
    const char* value;
    const char* without;
  };
  const Row rows[] = {
      {"/x", "", "/x"},
      {"/x?key=1", "1", "/x"},
      {"/x?key=1&a=2", "1", "/x?a=2"},
      {"/x?a=2&key=1", "1", "/x?a=2"},
      {"/x?a=2&key=1&b=3", "1", "/x?a=2&b=3"},
      {"/x?key=1&key=2", "1", "/x"},
      {"/x?key", "", "/x"},
      {"/x?key=", "", "/x"},
      {"/x?keys=1", "", "/x?keys=1"},
      {"/x?mykey=1", "", "/x?mykey=1"},
      {"/x?KEY=1", "", "/x?KEY=1"},
      {"/x?a=key=1", "", "/x?a=key=1"},
      {"/x?a=b?key=1", "", "/x?a=b?key=1"},
      {"/x?a&&b=%20+", "", "/x?a&&b=%20+"},
      {"/key=1", "", "/key=1"},
      {"", "", ""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(query_parameter(row.target, "key"), row.value) << row.target;
    std::string target = row.target;
    drop_query_parameter(target, "key");
    EXPECT_EQ(target, row.without) << row.target;
  }
}

TEST(QueryParameters, ATargetWithoutTheParameterIsUntouched) {
  for (const char* same : {"/x?", "/x?a&", "/x?a=1&&"}) {
    std::string target = same;
    drop_query_parameter(target, "key");
    EXPECT_EQ(target, same);
  }
}

TEST(QueryParameters, PercentEncodedNamesAreTheSameName) {
  std::string target = "/x?%6bey=caller&a=1";
  drop_query_parameter(target, "key");
  EXPECT_EQ(target, "/x?a=1");
}

bool presents_a_key(const std::string& target) {
  http::RequestHead head;
  const std::string text = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_TRUE(http::parse_request(text, {}, head)) << text;
  return find_presented_key(head, nullptr, KeySearch::usual_places).presented;
}

// ?key=fb%2D... reached a provider: the name was decoded, the value was not.
TEST(QueryParameters, AVirtualKeyIsSeenHoweverItIsEncoded) {
  const std::string tail(43, 'A');
  for (const std::string& query :
       {"?key=fb-" + tail, "?key=fb%2D" + tail, "?key=fb%2d" + tail, "?key=%66%62-" + tail,
        "?%6bey=fb%2d" + tail, "?a=1&key=fb%2D" + tail + "&b=2", "?key=AIza&key=fb%2D" + tail,
        "?key&key=fb-" + tail.substr(1) + "%41", "?key=fb-" + tail + "%41"}) {
    EXPECT_TRUE(presents_a_key("/v1beta/models" + query)) << query;
  }
  for (const std::string& query :
       {"?key=AIza" + tail, "?key=fb%252D" + tail, "?key=fb%2" + tail, "?keys=fb-" + tail,
        "?a=fb-" + tail, std::string("?key=%"), std::string("?key"),
        std::string("?"), std::string()}) {
    EXPECT_FALSE(presents_a_key("/v1beta/models" + query)) << query;
  }
}

// RFC 9112, 3.2.2: a proxy that reads the request is told the whole URL, and who asks.
TEST(RequestHeaders, AreForTheProxyWhereNoTunnelHidesThem) {
  ProxyAddress proxy = *parse_proxy_url("http://joe:pass@proxy:3128");
  http::RequestHead head;
  ASSERT_TRUE(http::parse_request("GET /v1/x HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic eDp5"
                                  "\r\nAccept-Encoding: x\r\n\r\n",
                                  {}, head));
  const auto written = [&](const char* base_url) {
    ProviderSettings settings;
    settings.proxy = proxy;
    Provider provider(std::move(settings));
    const auto applied = apply_base_url(base_url, provider);
    CHECK(applied);
    std::string out;
    write_request_head(out, {head, provider, "/base/v1/x", {}, nullptr, "1.1 farebox-1"});
    return out;
  };
  EXPECT_EQ(written("http://api.test:8000/base"),
            "GET http://api.test:8000/base/v1/x HTTP/1.1\r\nHost: api.test:8000\r\n"
            "Accept-Encoding: identity\r\nVia: 1.1 farebox-1\r\n"
            "Proxy-Authorization: Basic am9lOnBhc3M=\r\n\r\n");
  EXPECT_EQ(written("https://api.test/base"),
            "GET /base/v1/x HTTP/1.1\r\nHost: api.test\r\nAccept-Encoding: identity\r\n"
            "Via: 1.1 farebox-1\r\n\r\n");
  proxy.authorization = Secret();
  EXPECT_TRUE(written("http://api.test").ends_with("Via: 1.1 farebox-1\r\n\r\n"));
}

TEST(RequestHeaders, LongTwinsOfOurOwnFieldsAreDropped) {
  EXPECT_EQ(sent_fields("x_farebox_a_name_of_more_than_32_octets: 1\r\n"), around(""));
}

}  // namespace
}  // namespace farebox
