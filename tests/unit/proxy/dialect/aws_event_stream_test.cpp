#include "proxy/dialect/aws_event_stream.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/proxy/dialect/aws_frames.hpp"
#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox {
namespace {

using testing::event_frame;
using testing::frame_of;
using testing::header_text;

// Every event as "kind type payload;", and what became of the stream.
struct Seen {
  std::string events;
  bool broken = false, complete = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen split(std::string_view stream, const testing::Cuts& cuts) {
  AwsEventSplitter splitter;
  Seen seen;
  for (const std::string& part : testing::pieces(stream, cuts)) {
    std::string_view piece = part;
    AwsEvent event;
    while (splitter.next(piece, event)) {
      seen.events += std::to_string(static_cast<int>(event.kind)) + " ";
      seen.events += std::string(event.type) + " " + std::string(event.payload) + ";";
    }
    EXPECT_TRUE(piece.empty());
  }
  seen.broken = splitter.broken();
  seen.complete = splitter.complete();
  return seen;
}

// However the stream is cut, the events are the same.
Seen split_all_ways(std::string_view stream) {
  const Seen whole = split(stream, {});
  EXPECT_EQ(split(stream, testing::every(stream.size(), 1)), whole);
  for (std::size_t at = 1; at < std::min<std::size_t>(stream.size(), 200); ++at) {
    EXPECT_EQ(split(stream, {at}), whole) << at;
  }
  std::mt19937 random(7);
  for (int round = 0; round < 8; ++round) {
    EXPECT_EQ(split(stream, testing::random_cuts(stream.size(), random, 40)), whole);
  }
  return whole;
}

TEST(AwsEventStream, FramesBecomeEvents) {
  const std::string stream = event_frame("messageStart", "{}") +
                             event_frame("contentBlockDelta", "{\"a\":1}") +
                             event_frame("metadata", "");
  const Seen seen = split_all_ways(stream);
  EXPECT_EQ(seen.events, "0 messageStart {};0 contentBlockDelta {\"a\":1};0 metadata ;");
  EXPECT_TRUE(seen.complete);
  EXPECT_FALSE(seen.broken);
}

TEST(AwsEventStream, ExceptionsAndErrorsAreTold) {
  const std::string exception =
      frame_of(header_text(":exception-type", "throttlingException") +
                   header_text(":content-type", "application/json") +
                   header_text(":message-type", "exception"),
               "{\"message\":\"slow\"}");
  const std::string error = frame_of(header_text(":message-type", "error") +
                                         header_text(":error-code", "InternalError") +
                                         header_text(":error-message", "oh"),
                                     "");
  EXPECT_EQ(split_all_ways(exception + error).events,
            "1 throttlingException {\"message\":\"slow\"};2 InternalError ;");
}

TEST(AwsEventStream, HeadersOfEveryTypeArePassedOver) {
  const auto header = [](std::string_view name, char type, std::string_view value) {
    return std::string(1, static_cast<char>(name.size())) + std::string(name) + type +
           std::string(value);
  };
  const std::string headers =
      header("t", 0, "") + header("f", 1, "") + header("b", 2, "x") + header("s", 3, "xx") +
      header("i", 4, "xxxx") + header("l", 5, "xxxxxxxx") +
      header("o", 6, std::string("\0\3abc", 5)) + header("w", 8, "xxxxxxxx") +
      header("u", 9, "0123456789abcdef") + header_text(":event-type", "chunk");
  EXPECT_EQ(split_all_ways(frame_of(headers, "p")).events, "0 chunk p;");
}

TEST(AwsEventStream, NothingIsLearnedBehindADamagedFrame) {
  const std::string good = event_frame("one", "1");
  const std::string frame = event_frame("two", "2");
  // Whichever octet of the second frame is flipped, only the first is believed.
  for (std::size_t at = 0; at < frame.size(); ++at) {
    std::string damaged = frame;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const std::string stream = good + damaged + good;
    const Seen seen = split(stream, {});
    EXPECT_EQ(seen.events, "0 one 1;") << at;
    EXPECT_FALSE(seen.complete) << at;
    EXPECT_EQ(split(stream, testing::every(stream.size(), 1)), seen) << at;
  }
}

TEST(AwsEventStream, LengthsThatLieBreakTheStream) {
  struct Row {
    std::uint32_t total, headers;
  };
  const Row rows[] = {{0, 0}, {15, 0}, {16, 1}, {20, 0xffffffff}, {0xffffffff, 0},
                      {(16u << 20) + 1, 0}, {1u << 20, (128u << 10) + 1}};
  for (const Row& row : rows) {
    const std::string stream = testing::prelude_of(row.total, row.headers) + std::string(64, 'x');
    const Seen seen = split_all_ways(stream);
    EXPECT_EQ(seen.events, "");
    EXPECT_TRUE(seen.broken) << row.total << " " << row.headers;
  }
  // Headers that run over the room they were given.
  EXPECT_TRUE(split_all_ways(frame_of("\x04name\x07\x7f\xff", "payload")).broken);
  EXPECT_TRUE(split_all_ways(frame_of(std::string("\0\7", 2), "payload")).broken);
  EXPECT_TRUE(split_all_ways(frame_of("\x01n\x0a", "payload")).broken);
}

TEST(AwsEventStream, ATruncatedFrameIsNeitherEventNorEnd) {
  const std::string good = event_frame("one", "1");
  for (std::size_t left = 1; left < good.size(); ++left) {
    const Seen seen = split(good + good.substr(0, left), testing::every(good.size() + left, 5));
    EXPECT_EQ(seen.events, "0 one 1;");
    EXPECT_FALSE(seen.complete);
    EXPECT_FALSE(seen.broken);
  }
  EXPECT_FALSE(split("", {}).complete);
}

TEST(AwsEventStream, AFrameOfTheGreatestSizeIsRead) {
  const std::string large = event_frame("chunk", std::string((15u << 20), 'y'));
  const std::string stream = large + event_frame("last", "z");
  std::mt19937 random(3);
  const Seen seen = split(stream, testing::random_cuts(stream.size(), random, 1u << 20));
  EXPECT_TRUE(seen.events.ends_with(";0 last z;"));
  EXPECT_TRUE(seen.complete);
}

}  // namespace
}  // namespace farebox
