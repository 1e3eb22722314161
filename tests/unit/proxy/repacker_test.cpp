// Content taken apart and put together means the same, however it is cut.
#include "proxy/repacker.hpp"

#include <gtest/gtest.h>

#include <random>

namespace farebox {
namespace {

using http::BodyReader;
using http::Framing;

http::ResponseHead head_with(Framing framing, std::uint64_t length = 0) {
  http::ResponseHead head;
  head.status = 200;
  head.framing = framing;
  head.content_length = length;
  return head;
}

struct Sent {
  std::string octets;
  Repacker::State state = Repacker::State::open;
  std::string left;  // not consumed
};

// Feeds `wire` in pieces of at most `most` octets, as a relay does.
Sent repack(const http::ResponseHead& head, OutgoingFraming out, std::string_view wire,
            std::size_t most, bool filter = false) {
  Repacker repacker(head, out, filter);
  Metering meter(nullptr, http::ResponseHead());
  Sent sent;
  std::string buffer;
  while (sent.state == Repacker::State::open && !wire.empty()) {
    const std::size_t take = std::min(most, wire.size());
    buffer.append(wire.substr(0, take));
    wire.remove_prefix(take);
    std::string_view input = buffer;
    Repacker::Pieces pieces;
    sent.state = repacker.take(input, meter, pieces);
    for (const auto& piece : pieces) {
      sent.octets.append(static_cast<const char*>(piece.data()), piece.size());
    }
    buffer.erase(0, buffer.size() - input.size());
  }
  sent.left = buffer + std::string(wire);
  return sent;
}

struct Read {
  std::string content;
  std::vector<std::uint64_t> chunks;
  bool whole = false;
};

Read read_chunked(std::string_view wire) {
  BodyReader reader(Framing::chunked, 0);
  Read read;
  while (true) {
    const auto step = reader.next(wire);
    if (step.what == BodyReader::What::data) read.content += step.data;
    if (step.what == BodyReader::What::chunk_begin) read.chunks.push_back(step.size);
    if (step.what == BodyReader::What::end) read.whole = true;
    if (step.what == BodyReader::What::end || step.what == BodyReader::What::need_more ||
        step.what == BodyReader::What::broken) {
      return read;
    }
  }
}

constexpr std::string_view kThree = "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n";

TEST(Repacker, ChunksKeepTheirBoundsHoweverTheyArrive) {
  for (std::size_t most = 1; most <= kThree.size(); ++most) {
    const Sent sent = repack(head_with(Framing::chunked), {Framing::chunked, 0}, kThree, most);
    EXPECT_EQ(sent.state, Repacker::State::whole);
    EXPECT_EQ(sent.octets, kThree) << most;
  }
}

TEST(Repacker, ExtensionsAndTrailersAreDropped) {
  const std::string wire = "3\r\nabc\r\n4;x=y\r\ndefg\r\n1\r\nh\r\n0;z\r\nHost: evil\r\n\r\n";
  for (std::size_t most = 1; most <= wire.size(); ++most) {
    const Sent sent = repack(head_with(Framing::chunked), {Framing::chunked, 0}, wire, most);
    EXPECT_EQ(sent.octets, "3\r\nabc\r\n4\r\ndefg\r\n1\r\nh\r\n0\r\n\r\n") << most;
  }
}

TEST(Repacker, OctetsBehindTheContentAreNotTouched) {
  const Sent sent = repack(head_with(Framing::length, 3), {Framing::length, 3}, "abcHTTP/1.1", 100);
  EXPECT_EQ(sent.state, Repacker::State::whole);
  EXPECT_EQ(sent.octets, "abc");
  EXPECT_EQ(sent.left, "HTTP/1.1");
}

TEST(Repacker, AnOldClientGetsContentWithoutChunks) {
  const Sent sent = repack(head_with(Framing::chunked), {Framing::until_close, 0}, kThree, 7);
  EXPECT_EQ(sent.octets, "hello world");
}

TEST(Repacker, BrokenFramingPassesNothingBehindIt) {
  const Sent sent =
      repack(head_with(Framing::chunked), {Framing::chunked, 0}, "2\r\nabX\r\n0\r\n\r\n", 100);
  EXPECT_EQ(sent.state, Repacker::State::broken);
  EXPECT_EQ(sent.octets.find('X'), std::string::npos);
  EXPECT_FALSE(read_chunked(sent.octets).whole);
}

TEST(Repacker, ContentUntilCloseEndsWithTheConnection) {
  Repacker repacker(head_with(Framing::until_close), {Framing::chunked, 0}, false);
  Metering meter(nullptr, http::ResponseHead());
  Repacker::Pieces pieces;
  std::string_view input = "{\"a\":1}";
  EXPECT_EQ(repacker.take(input, meter, pieces), Repacker::State::open);
  EXPECT_TRUE(repacker.may_be_json());
  pieces.clear();
  EXPECT_EQ(repacker.at_close(pieces), Repacker::State::whole);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].size(), 5u);
}

TEST(Repacker, ACutInsideAChunkIsNoPlaceForAnEvent) {
  Repacker repacker(head_with(Framing::chunked), {Framing::chunked, 0}, false);
  Metering meter(nullptr, http::ResponseHead());
  Repacker::Pieces pieces;
  std::string_view whole = "9\r\ndata: 1\n\n\r\n";
  repacker.take(whole, meter, pieces);
  EXPECT_TRUE(repacker.at_event_end());
  std::string_view half = "20\r\ndata: 2\n\n";
  pieces.clear();
  repacker.take(half, meter, pieces);
  EXPECT_FALSE(repacker.at_event_end());
}

TEST(Repacker, TheUsageChunkWeCausedIsTakenOut) {
  const std::string kept = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n";
  const std::string ours = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n";
  const std::string done = "data: [DONE]\n\n";
  std::string wire;
  for (const std::string& event : {kept, ours, done}) {
    char size[20];
    wire.append(size, http::write_chunk_size(event.size(), size));
    wire += event + "\r\n";
  }
  wire += "0\r\n\r\n";
  for (std::size_t most = 1; most <= wire.size(); most += 3) {
    const Sent sent = repack(head_with(Framing::chunked), {Framing::chunked, 0}, wire, most, true);
    const Read read = read_chunked(sent.octets);
    EXPECT_TRUE(read.whole);
    EXPECT_EQ(read.content, kept + done) << most;
  }
}

TEST(Repacker, RandomBodiesSurviveRandomCuts) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 300; ++round) {
    std::string wire, content;
    std::vector<std::uint64_t> chunks;
    for (auto i = random() % 6; i != 0; --i) {
      std::string piece(1 + random() % 50, static_cast<char>('a' + random() % 26));
      char size[20];
      std::string line(size, http::write_chunk_size(piece.size(), size));
      if (random() % 3 == 0) line.insert(line.size() - 2, ";e=1");
      wire += line + piece + "\r\n";
      content += piece;
      chunks.push_back(piece.size());
    }
    wire += "0\r\n\r\n";
    const Sent sent =
        repack(head_with(Framing::chunked), {Framing::chunked, 0}, wire, 1 + random() % 40);
    const Read read = read_chunked(sent.octets);
    EXPECT_TRUE(read.whole);
    EXPECT_EQ(read.content, content);
    EXPECT_EQ(read.chunks, chunks);
  }
}

}  // namespace
}  // namespace farebox
