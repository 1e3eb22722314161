#include "proxy/dialect/sse.hpp"

#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox {
namespace {

struct Event {
  std::string name, data;
  bool operator==(const Event&) const = default;
};
using Events = std::vector<Event>;

Events split(std::string_view stream, const testing::Cuts& cuts) {
  SseSplitter splitter;
  Events events;
  SseEvent event;
  for (const std::string& whole : testing::pieces(stream, cuts)) {
    std::string_view piece = whole;
    while (splitter.next(piece, event)) {
      events.push_back({std::string(event.name), std::string(event.data)});
    }
    EXPECT_TRUE(piece.empty());
  }
  if (splitter.finish(event)) {
    events.push_back({std::string(event.name), std::string(event.data)});
  }
  return events;
}

// In one piece, octet by octet, and cut once at every place: always the same events.
void expect_events(std::string_view stream, const Events& expected) {
  EXPECT_EQ(split(stream, {}), expected) << stream;
  EXPECT_EQ(split(stream, testing::every(stream.size(), 1)), expected) << stream;
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    EXPECT_EQ(split(stream, {cut}), expected) << stream << " cut at " << cut;
  }
}

TEST(Sse, EventsEndWithABlankLineWhateverTheLineEnd) {
  expect_events("data: a\n\ndata: b\n\n", {{"", "a"}, {"", "b"}});
  expect_events("data: a\r\n\r\ndata: b\r\n\r\n", {{"", "a"}, {"", "b"}});
  expect_events("data: a\r\rdata: b\r\r", {{"", "a"}, {"", "b"}});
  expect_events("data: a\r\n\ndata: b\n\r\n", {{"", "a"}, {"", "b"}});
}

TEST(Sse, NamesBelongToOneEvent) {
  expect_events("event: ping\ndata: {}\n\ndata: b\n\n", {{"ping", "{}"}, {"", "b"}});
  expect_events("data: {}\nevent: late\n\n", {{"late", "{}"}});
  expect_events("event: first\nevent: second\ndata: a\n\n", {{"second", "a"}});
}

TEST(Sse, OneBlankBehindTheColonIsNoPartOfTheValue) {
  expect_events("data:a\n\ndata:  b\n\n", {{"", "a"}, {"", " b"}});
}

TEST(Sse, LinesOfDataAreJoined) {
  expect_events("data: a\ndata: b\ndata: c\n\n", {{"", "a\nb\nc"}});
  expect_events("data: a\ndata\ndata:\n\n", {{"", "a\n\n"}});
}

TEST(Sse, CommentsAndOtherFieldsAreIgnored) {
  expect_events(": keep-alive\n\n:\n\nid: 7\nretry: 5\nfoo: bar\ndata: a\n: x\n\n", {{"", "a"}});
  expect_events("dat: a\ndataa: b\nDATA: c\n\n", {});
}

TEST(Sse, EventsWithoutDataAreNone) {
  expect_events("event: ping\n\n\n\n\ndata: a\n\n", {{"", "a"}});
  expect_events("data:\n\n", {});
}

TEST(Sse, AByteOrderMarkIsIgnoredAtTheStartOnly) {
  expect_events("\xef\xbb\xbf" "data: a\n\n\xef\xbb\xbf" "data: b\n\n", {{"", "a"}});
}

// Some Gemini streams end so, and the last event has the usage.
TEST(Sse, TheLastEventNeedsNoBlankLine) {
  expect_events("data: a\n\ndata: b", {{"", "a"}, {"", "b"}});
  expect_events("data: a\n\ndata: b\n", {{"", "a"}, {"", "b"}});
  expect_events("data: a\r\n\r\ndata: b\r", {{"", "a"}, {"", "b"}});
  expect_events("", {});
}

TEST(Sse, AnEventIsAViewOfThePieceItLiesIn) {
  const std::string stream = "data: inside\n\n";
  std::string_view piece = stream;
  SseSplitter splitter;
  SseEvent event;
  ASSERT_TRUE(splitter.next(piece, event));
  EXPECT_EQ(event.data.data(), stream.data() + 6);
}

TEST(Sse, AnOversizedEventIsDroppedAndTheNextIsNot) {
  const std::string large(SseSplitter::kMaxEvent + 1, 'x');
  const std::string stream = "data: a\n\ndata: " + large + "\n\ndata: b\n\n";
  const Events expected = {{"", "a"}, {"", "b"}};
  EXPECT_EQ(split(stream, {}), expected);
  EXPECT_EQ(split(stream, testing::every(stream.size(), 65'536)), expected);
  // The tail of the dropped line must not pass for a line of its own.
  const std::string forged = "data: " + large + "data: forged\n\ndata: b\n\n";
  const testing::Cuts at_forged = {6 + large.size()};
  EXPECT_EQ(split(forged, at_forged), (Events{{"", "b"}}));
}

TEST(Sse, ManyLinesOfDataAreBoundedToo) {
  std::string stream;
  const std::string line = "data: " + std::string(1 << 20, 'x') + "\n";
  for (int i = 0; i < 12; ++i) stream += line;
  stream += "\ndata: b\n\n";
  EXPECT_EQ(split(stream, {}), (Events{{"", "b"}}));
  EXPECT_EQ(split(stream, testing::every(stream.size(), 10'000)), (Events{{"", "b"}}));
}

}  // namespace
}  // namespace farebox
