// Answers of providers, read as strictly as requests: they carry money.
#include <gtest/gtest.h>

#include "proxy/http/head.hpp"
#include "tests/support/http_transcript.hpp"

namespace farebox::http {
namespace {

using namespace std::string_view_literals;

// The framing of the first answer in `raw`, or "refused".
std::string framing(std::string_view raw, std::string_view method = "POST") {
  HeadScanner scanner({});
  const auto length = scanner.find_end(raw);
  if (!length) return "refused";
  if (*length == 0) return "incomplete";
  ResponseHead head;
  const auto parsed = parse_response(raw.substr(0, *length), method, {}, head);
  if (!parsed) {
    EXPECT_EQ(parsed.error().code, ErrorCode::upstream_invalid);
    EXPECT_EQ(parsed.error().fault, Fault::provider);
    return "refused";
  }
  return testing::framing_text(head);
}

std::string with_line(std::string_view line) {
  return std::string(line) + "\r\nContent-Length: 2\r\n\r\n";
}
std::string with_fields(std::string_view fields, std::string_view line = "HTTP/1.1 200 OK") {
  return std::string(line) + "\r\n" + std::string(fields) + "\r\n";
}

struct Row {
  std::string_view text;
  std::string_view expected;
};

TEST(ResponseHead, StatusLinesAreHttps) {  // 4; RFC 9110, 15
  const Row rows[] = {
      {"HTTP/1.1 200 OK", "length 2 keep"},
      {"HTTP/1.1 200 ", "length 2 keep"},
      {"HTTP/1.1 200", "length 2 keep"},
      {"HTTP/1.1 200 Tr\xc3\xa8s \t bien", "length 2 keep"},
      {"HTTP/1.1 599 Odd", "length 2 keep"},
      {"HTTP/1.0 200 OK", "length 2 close"},
      {"HTTP/1.1 600 Odd", "refused"},
      {"HTTP/1.1 999 Odd", "refused"},
      {"HTTP/1.1 099 Odd", "refused"},
      {"HTTP/1.1 20 OK", "refused"},
      {"HTTP/1.1 2000 OK", "refused"},
      {"HTTP/1.1 2x0 OK", "refused"},
      {"HTTP/1.1 -20 OK", "refused"},
      {"HTTP/1.1  200 OK", "refused"},
      {"HTTP/1.1\t200 OK", "refused"},
      {"HTTP/1.1 200\tOK", "refused"},
      {"HTTP/1.1 200OK", "refused"},
      {"HTTP/2.0 200 OK", "refused"},
      {"HTTP/0.9 200 OK", "refused"},
      {"HTTP/1 200 OK", "refused"},
      {"http/1.1 200 OK", "refused"},
      {"ICY 200 OK", "refused"},
      {"200 OK", "refused"},
      {" HTTP/1.1 200 OK", "refused"},
      {"HTTP/1.1 200 O\rK", "refused"},
      {"HTTP/1.1 200 O\0K"sv, "refused"},
      {"HTTP/1.1 200 \x1b[31m", "refused"},
      {"", "refused"},
  };
  for (const Row& row : rows) EXPECT_EQ(framing(with_line(row.text)), row.expected) << row.text;
}

TEST(ResponseHead, FieldsFollowTheRulesOfRequests) {  // 2.2, 5
  const Row rows[] = {
      {"X: 1\r\n", "until_close close"},
      {"X : 1\r\n", "until_close close"},  // 5.1: the blank is removed
      {" X: 1\r\n", "refused"},
      {"X: 1\r\n 2\r\n", "refused"},
      {"X: 1\n", "refused"},
      {"X: 1\r2\r\n", "refused"},
      {"X: 1\0\r\n"sv, "refused"},
      {"nocolon\r\n", "refused"},
      {": 1\r\n", "refused"},
      {"X<: 1\r\n", "refused"},
  };
  for (const Row& row : rows) EXPECT_EQ(framing(with_fields(row.text)), row.expected) << row.text;
}

TEST(ResponseHead, ContentIsFramedInOneWayOrRefused) {  // 6.3
  const Row rows[] = {
      {"", "until_close close"},
      {"Content-Length: 3\r\n", "length 3 keep"},
      {"Content-Length: 3\r\nConnection: close\r\n", "length 3 close"},
      {"Transfer-Encoding: chunked\r\n", "chunked keep"},
      {"Transfer-Encoding: CHUNKED\r\n", "chunked keep"},
      // Equal lengths count as one (6.3, 5).
      {"Content-Length: 3, 3\r\n", "length 3 keep"},
      {"Content-Length: 3\r\nContent-Length: 3\r\n", "length 3 keep"},
      {"Content-Length: 3\r\nContent-Length: 2\r\n", "refused"},
      {"Content-Length: 3, 2\r\n", "refused"},
      {"Content-Length: 3,\r\n", "refused"},
      {"Content-Length: ,3\r\n", "refused"},
      {"Content-Length:\r\n", "refused"},
      {"Content-Length: -3\r\n", "refused"},
      {"Content-Length: +3\r\n", "refused"},
      {"Content-Length: 3x\r\n", "refused"},
      {"Content-Length: 18446744073709551619\r\n", "refused"},
      {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "refused"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "refused"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "refused"},
      {"Transfer-Encoding: identity\r\n", "refused"},
      {"Transfer-Encoding: gzip\r\n", "refused"},
      {"Transfer-Encoding: chunked, chunked\r\n", "refused"},
      {"Transfer-Encoding: xchunked\r\n", "refused"},
      {"Transfer-Encoding:\r\n", "refused"},
  };
  for (const Row& row : rows) EXPECT_EQ(framing(with_fields(row.text)), row.expected) << row.text;
  EXPECT_EQ(framing(with_fields("Transfer-Encoding: chunked\r\n", "HTTP/1.0 200 OK")), "refused");
  EXPECT_EQ(framing(with_fields("Content-Length: 3\r\nConnection: keep-alive\r\n", "HTTP/1.0 200 OK")),
            "length 3 keep");
}

TEST(ResponseHead, SomeAnswersHaveNoContentWhateverTheirFieldsSay) {  // 6.3, 1
  const Row rows[] = {
      {"HTTP/1.1 204 No Content", "none keep"},
      {"HTTP/1.1 304 Not Modified", "none keep"},
      {"HTTP/1.1 100 Continue", "none keep"},
      {"HTTP/1.1 103 Early Hints", "none keep"},
      {"HTTP/1.1 101 Switching Protocols", "none keep"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(framing(with_fields("", row.text)), row.expected) << row.text;
    EXPECT_EQ(framing(with_fields("Content-Length: 5\r\n", row.text)), row.expected) << row.text;
    EXPECT_EQ(framing(with_fields("Transfer-Encoding: chunked\r\n", row.text)), row.expected);
  }
  EXPECT_EQ(framing(with_fields("Content-Length: 5\r\n"), "HEAD"), "none keep");
  EXPECT_EQ(framing(with_fields(""), "HEAD"), "none keep");
}

TEST(ResponseHead, TheLengthOfWhatAHeadStandsForIsKept) {  // RFC 9110, 8.6
  ResponseHead head;
  ASSERT_TRUE(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 512\r\n\r\n", "HEAD", {}, head));
  EXPECT_EQ(head.framing, Framing::none);
  EXPECT_EQ(head.content_length, 512u);
}

TEST(ResponseHead, LimitsHold) {
  ResponseHead head;
  const HeadLimits few{100, 1000, 1};
  EXPECT_TRUE(parse_response("HTTP/1.1 200 OK\r\nA: 1\r\n\r\n", "GET", few, head));
  const auto more = parse_response("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n", "GET", few, head);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::upstream_invalid);
}

TEST(Lists, TokensAreFoundWholeAndWithoutCase) {  // RFC 9110, 5.6.1
  struct List {
    const char* list;
    const char* token;
    bool held;
  };
  const List rows[] = {
      {"close", "close", true},        {"a, CLOSE ,b", "close", true},
      {",,close,,", "close", true},    {"closed", "close", false},
      {"not close", "close", false},   {"", "close", false},
      {"a\t,\tclose\t", "close", true}, {"close;q=1", "close", false},
  };
  for (const List& row : rows) EXPECT_EQ(list_holds(row.list, row.token), row.held) << row.list;
}

}  // namespace
}  // namespace farebox::http
