#include "proxy/http/body_reader.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/http_transcript.hpp"

namespace farebox::http {
namespace {

using namespace std::string_view_literals;
using testing::Cuts;
using testing::every;
using What = BodyReader::What;

struct Body {
  std::string content;
  std::string end;    // "whole", "open" or "broken"
  std::size_t left = 0;  // octets behind the content
  bool operator==(const Body&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Body& body) {
  return out << body.end << " '" << body.content << "' left " << body.left;
}

Body read(std::string_view raw, const Cuts& cuts, Framing framing, std::uint64_t length = 0) {
  BodyReader reader(framing, length);
  Body body;
  std::string received;
  for (const std::string& piece : testing::pieces(raw, cuts)) {
    received += piece;
    while (true) {
      const testing::ExactCopy seen(received);
      std::string_view input = seen.view();
      const auto step = reader.next(input);
      received.erase(0, received.size() - input.size());
      body.content += step.data;
      if (step.what == What::need_more || step.what == What::end || step.what == What::broken) {
        body.end = step.what == What::need_more ? "open" : step.what == What::end ? "whole" : "broken";
        break;
      }
    }
    if (body.end == "broken") return {body.content, "broken", 0};
  }
  EXPECT_EQ(reader.octets(), body.content.size());
  EXPECT_EQ(reader.done(), body.end == "whole");
  if (body.end == "whole") body.left = received.size();
  return body;
}

// In one piece, octet by octet, and cut once at every place: always the same.
Body chunked(std::string_view raw) {
  const Body whole = read(raw, {}, Framing::chunked);
  EXPECT_EQ(read(raw, every(raw.size(), 1), Framing::chunked), whole) << raw;
  for (std::size_t cut = 1; cut < raw.size(); ++cut) {
    EXPECT_EQ(read(raw, {cut}, Framing::chunked), whole) << raw << " cut at " << cut;
  }
  return whole;
}

std::string hex(std::uint64_t size) {
  char text[20];
  return std::string(text, write_chunk_size(size, text) - 2);
}

TEST(BodyReader, ChunksAreReadToTheirEnd) {  // RFC 9112, 7.1
  struct Row {
    std::string_view raw, content;
    std::size_t left = 0;
  };
  const Row rows[] = {
      {"0\r\n\r\n", ""},
      {"5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
      {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {"a\r\n0123456789\r\n000\r\n\r\n", "0123456789"},
      {"0000000000000002\r\nab\r\n0\r\n\r\n", "ab"},
      {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
      {"5;x\r\nhello\r\n0;y=z\r\n\r\n", "hello"},
      {"5 ; x = \"y\"\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5\t;x\r\nhello\r\n0\r\n\r\n", "hello"},
      {"2\r\nab\r\n0\r\nX: y\r\nHost: b\r\n\r\n", "ab"},
      {"2\r\nab\r\n0\r\n\r\nGET / HTTP/1.1\r\n", "ab", 16},
      {"0\r\n\r\n\r\n", "", 2},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(chunked(row.raw), (Body{std::string(row.content), "whole", row.left})) << row.raw;
  }
}

TEST(BodyReader, WhatIsNoChunkIsBroken) {
  const std::string_view rows[] = {
      "\r\n",
      " 5\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "5\t\r\nhello\r\n",
      "5\nhello\n",
      "5\rhello\r\n",
      "5\r\nhello0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhello\r0\r\n\r\n",
      "5\r\nhello \r\n",
      "4\r\nhello\r\n",
      "5\r\nhello\r\n\r\n",
      "-5\r\nhello\r\n",
      "+5\r\nhello\r\n",
      "0x5\r\nhello\r\n",
      "5x\r\nhello\r\n",
      "5h\r\nhello\r\n",
      "5,5\r\nhello\r\n",
      ";x\r\nhello\r\n",
      "g\r\n",
      "\"5\"\r\nhello\r\n",
      "5\0\r\nhello\r\n"sv,
      "5;x\nhello\r\n",
      "5;x\ry\r\nhello\r\n",
      "5;\0\r\nhello\r\n"sv,
      "5;\x7f\r\nhello\r\n",
      "5;\x01\r\nhello\r\n",
      "5 x\r\nhello\r\n",
      "8000000000000000\r\n",
      "ffffffffffffffff\r\n",
      "00000000000000005\r\nhello\r\n",
      "10000000000000005\r\nhello\r\n",
      "fffffffffffffffff\r\n",
      "0\n\n",
      "0\r\nX\r\n\r\n",
      "0\r\nX : y\r\n\r\n",
      "0\r\n X: y\r\n\r\n",
      "0\r\nX: y\n\r\n",
      "0\r\nX: y\rz\r\n\r\n",
      "0\r\nX: \0\r\n\r\n"sv,
      "0\r\n: y\r\n\r\n",
      "0\r\nX: y\r\n z\r\n\r\n",
      "0\r\n\n",
  };
  for (const std::string_view row : rows) EXPECT_EQ(chunked(row).end, "broken") << row;
}

TEST(BodyReader, WhatIsCutStaysOpen) {  // 8
  const std::string raw = "5;x\r\nhello\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t cut = 0; cut < raw.size(); ++cut) {
    BodyReader reader(Framing::chunked, 0);
    std::string_view input = std::string_view(raw).substr(0, cut);
    What what = What::data;
    while (what == What::data || what == What::chunk_begin || what == What::chunk_end) {
      what = reader.next(input).what;
    }
    EXPECT_EQ(what, What::need_more) << cut;
    EXPECT_FALSE(reader.complete_at_close()) << cut;
  }
}

TEST(BodyReader, SizeLinesExtensionsAndTrailersAreBounded) {
  const auto end_of = [](const std::string& raw) {
    const Body whole = read(raw, {}, Framing::chunked);
    EXPECT_EQ(read(raw, every(raw.size(), 97), Framing::chunked), whole);
    return whole.end;
  };
  const std::string rest = "\r\nab\r\n0\r\n\r\n";
  EXPECT_EQ(end_of("2;" + std::string(1022, 'x') + rest), "whole");
  EXPECT_EQ(end_of("2;" + std::string(1023, 'x') + rest), "broken");
  EXPECT_EQ(end_of("2;" + std::string(5000, 'x')), "broken");
  EXPECT_EQ(end_of("2" + std::string(5000, ' ')), "broken");

  std::string many;
  for (int i = 0; i < 1000; ++i) many += "1;" + std::string(15, 'x') + "\r\na\r\n";  // 16 each
  EXPECT_EQ(end_of(many + "0\r\n\r\n"), "whole");
  for (int i = 0; i < 30; ++i) many += "1;" + std::string(15, 'x') + "\r\na\r\n";
  EXPECT_EQ(end_of(many + "0\r\n\r\n"), "broken");

  std::string trailers = "0\r\n";
  for (int i = 0; i < 800; ++i) trailers += "X: 45678\r\n";  // 10 each
  EXPECT_EQ(end_of(trailers + "\r\n"), "whole");
  for (int i = 0; i < 20; ++i) trailers += "X: 45678\r\n";
  EXPECT_EQ(end_of(trailers + "\r\n"), "broken");
  EXPECT_EQ(end_of("0\r\nX: " + std::string(9000, 'y')), "broken");
}

TEST(BodyReader, ALengthIsReadAndNotAnOctetMore) {
  for (const Cuts& cuts : {Cuts{}, every(5, 1), Cuts{2}}) {
    EXPECT_EQ(read("helloGET", cuts, Framing::length, 5), (Body{"hello", "whole", 3}));
    EXPECT_EQ(read("hello", cuts, Framing::length, 6), (Body{"hello", "open", 0}));
  }
  EXPECT_EQ(read("GET", {}, Framing::length, 0), (Body{"", "whole", 3}));
  EXPECT_EQ(read("GET", {}, Framing::none), (Body{"", "whole", 3}));
  BodyReader reader(Framing::length, 6);
  std::string_view input = "hello";
  reader.next(input);
  EXPECT_FALSE(reader.complete_at_close());
}

TEST(BodyReader, OnlyUntilCloseEndsByClosing) {
  BodyReader reader(Framing::until_close, 0);
  std::string_view input = "0\r\n\r\n";
  EXPECT_EQ(reader.next(input).data, "0\r\n\r\n");
  EXPECT_EQ(reader.next(input).what, What::need_more);
  EXPECT_FALSE(reader.done());
  EXPECT_TRUE(reader.complete_at_close());
  EXPECT_TRUE(reader.done());
}

TEST(BodyReader, NothingFollowsABreak) {
  BodyReader reader(Framing::chunked, 0);
  std::string_view input = "x\r\n5\r\nhello\r\n0\r\n\r\n";
  EXPECT_EQ(reader.next(input).what, What::broken);
  EXPECT_EQ(reader.next(input).what, What::broken);
  EXPECT_FALSE(reader.complete_at_close());
}

TEST(BodyReader, PiecesAreNeitherDelayedNorJoined) {
  BodyReader reader(Framing::chunked, 0);
  std::string_view input = "5\r\nhel";
  const auto begin = reader.next(input);
  EXPECT_EQ(begin.what, What::chunk_begin);
  EXPECT_EQ(begin.size, 5u);
  EXPECT_EQ(reader.next(input).data, "hel");
  EXPECT_EQ(reader.next(input).what, What::need_more);
  input = "lo\r\n1\r\n!";
  EXPECT_EQ(reader.next(input).data, "lo");
  EXPECT_EQ(reader.next(input).what, What::chunk_end);
  EXPECT_EQ(reader.next(input).size, 1u);
  EXPECT_EQ(reader.next(input).data, "!");
}

// What is canonical may pass as it lies: put together, it must read as the same chunks.
TEST(BodyReader, CanonicalOctetsReadAgainAsTheSame) {
  const std::string_view rows[] = {
      "5\r\nhello\r\n0\r\n\r\n",
      "5\r\nhello\r\n3;x\r\nabc\r\n1\r\n!\r\n0\r\n\r\n",
      "5 ;x\r\nhello\r\n0;y\r\nX: y\r\n\r\n",
  };
  for (const std::string_view row : rows) {
    BodyReader reader(Framing::chunked, 0);
    std::string_view input = row;
    std::string passed;
    std::string content;
    while (true) {
      const std::string_view before = input;
      const auto step = reader.next(input);
      if (step.what == What::end) break;
      ASSERT_NE(step.what, What::broken);
      content += step.data;
      if (step.canonical) {
        passed += before.substr(0, before.size() - input.size());
      } else {
        ASSERT_EQ(step.what, What::chunk_begin);
        passed += hex(step.size) + "\r\n";
      }
    }
    EXPECT_EQ(passed.find(';'), std::string::npos) << row;
    EXPECT_EQ(chunked(passed + "0\r\n\r\n"), (Body{content, "whole", 0})) << row;
  }
}

TEST(BodyReader, ChunkSizesAreWrittenInHex) {
  EXPECT_EQ(hex(0), "0");
  EXPECT_EQ(hex(10), "a");
  EXPECT_EQ(hex(4096), "1000");
  EXPECT_EQ(hex(~std::uint64_t(0)), "ffffffffffffffff");
}

TEST(BodyReader, RandomBodiesComeThroughRandomChunksAndCuts) {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    std::string content;
    std::string raw;
    for (auto chunks = random() % 6; chunks > 0; --chunks) {
      std::string chunk(1 + random() % 300, '\0');
      for (char& c : chunk) c = static_cast<char>(random() & 0xFF);
      raw += hex(chunk.size()) + (random() % 4 == 0 ? ";a=\"b\"" : "") + "\r\n" + chunk + "\r\n";
      content += chunk;
    }
    raw += random() % 2 == 0 ? "0\r\n\r\n" : "0\r\nX: y\r\n\r\n";
    const Cuts cuts = testing::random_cuts(raw.size(), random, 40);
    ASSERT_EQ(read(raw, cuts, Framing::chunked), (Body{content, "whole", 0})) << round;
    ASSERT_EQ(read(raw + "GET", {}, Framing::chunked), (Body{content, "whole", 3})) << round;
  }
}

}  // namespace
}  // namespace farebox::http
