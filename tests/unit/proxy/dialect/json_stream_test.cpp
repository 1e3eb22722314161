#include "proxy/dialect/json_stream.hpp"

#include <gtest/gtest.h>

#include <random>

#include "proxy/dialect/json_cursor.hpp"
#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox {
namespace {

struct Split {
  std::vector<std::string> values;
  bool complete = false;
  bool operator==(const Split&) const = default;
};

Split split(std::string_view body, const testing::Cuts& cuts) {
  JsonSplitter splitter;
  Split result;
  std::string_view value;
  for (const std::string& whole : testing::pieces(body, cuts)) {
    std::string_view piece = whole;
    while (splitter.next(piece, value)) result.values.emplace_back(value);
    EXPECT_TRUE(piece.empty());
  }
  result.complete = splitter.complete();
  return result;
}

void expect_split(std::string_view body, const Split& expected) {
  EXPECT_EQ(split(body, {}), expected) << body;
  EXPECT_EQ(split(body, testing::every(body.size(), 1)), expected) << body;
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    EXPECT_EQ(split(body, {cut}), expected) << body << " cut at " << cut;
  }
}

TEST(JsonStream, OneObjectIsOneValue) {
  expect_split(R"({"a":[{"b":"}\"]{"}]})", {{R"({"a":[{"b":"}\"]{"}]})"}, true});
  expect_split(" \r\n{\n}\n \t", {{"{\n}"}, true});
}

TEST(JsonStream, LinesAreValues) {
  expect_split("{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}",
               {{"{\"a\":1}", "{\"a\":2}", "{\"a\":3}"}, true});
}

TEST(JsonStream, ElementsOfOneArrayAreValues) {
  expect_split("[{\"a\":1}\n,\r\n{\"a\":[2]}]\n", {{"{\"a\":1}", "{\"a\":[2]}"}, true});
  expect_split("[]", {{}, true});
}

TEST(JsonStream, WhatIsCutIsNotComplete) {
  expect_split("{\"a\":1", {{}, false});
  expect_split("{\"a\":\"}", {{}, false});
  expect_split("[{\"a\":1},", {{"{\"a\":1}"}, false});
  expect_split("[{\"a\":1}", {{"{\"a\":1}"}, false});
  expect_split("", {{}, false});
}

TEST(JsonStream, WhatIsNoObjectEndsTheLearning) {
  expect_split("{}x{}", {{"{}"}, false});
  expect_split("{},{}", {{"{}"}, false});
  expect_split("[1,{}]", {{}, false});
  expect_split("[{}]{}", {{"{}"}, false});
  expect_split("\"text\"{}", {{}, false});
}

// The body that is kept over several pieces is smaller than the body, but says the same
// about everything that is short.
TEST(JsonStream, KeepingEmptiesLongStringsAndRunsOfNumbers) {
  std::string numbers = "0.125";
  for (int i = 0; i < 3000; ++i) numbers += ", -0.0625";
  const std::string text(100'000, 'x');
  const std::string body = R"({"data":[{"embedding":[)" + numbers + R"(]},{"b64":")" + text +
                           R"(\"\\"},{"few":[1,2,3]},[)" + numbers + R"(,{"in":1},)" + numbers +
                           R"(]],"s":"sh\"ort","usage":{"prompt_tokens":)" +
                           std::string(5000, ' ') + R"(7},"total":[)" + numbers + "]}";
  const std::string kept = R"({"data":[{"embedding":[]},{"b64":""},{"few":[1,2,3]},[{"in":1},)" +
                           numbers + R"(]],"s":"sh\"ort","usage":{"prompt_tokens":)" +
                           std::string(5000, ' ') + R"(7},"total":[]})";
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    testing::Cuts cuts = testing::random_cuts(body.size(), random, 30'000);
    if (cuts.empty()) cuts = {body.size() / 2};
    const Split result = split(body, cuts);
    ASSERT_EQ(result.values.size(), 1u);
    EXPECT_EQ(result.values[0], kept);
    JsonCursor cursor(result.values[0]);
    cursor.skip();
    EXPECT_TRUE(cursor.at_end());
  }
  EXPECT_EQ(split(body, testing::every(body.size(), 1)).values[0], kept);
  EXPECT_EQ(split(body, {}).values[0], body);
}

TEST(JsonStream, ALargeBodyNeedsLittleMemory) {
  JsonKeeper keeper;
  keeper.append("{\"data\":[");
  const std::string vector = "{\"embedding\":\"" + std::string(8192, 'A') + "\"},";
  std::size_t octets = 0;
  for (int i = 0; i < 4096; ++i) {
    keeper.append(vector);
    octets += vector.size();
  }
  EXPECT_GT(octets, 32u << 20);
  EXPECT_LT(keeper.text().size(), 100'000u);
}

TEST(JsonStream, AValueThatStaysTooLargeIsDroppedAlone) {
  const std::string member = "\"k\":{\"short\":1},";
  std::string large = "{";
  while (large.size() <= JsonSplitter::kMaxValue) large += member;
  large += "\"end\":1}";
  const std::string body = large + "\n{\"a\":1}";
  const Split result = split(body, testing::every(body.size(), 1 << 20));
  EXPECT_EQ(result.values, std::vector<std::string>{"{\"a\":1}"});
}

// The end is looked for sixteen octets at a time; one that looks at each octet agrees,
// wherever strings, escapes and brackets fall.
TEST(JsonStream, FindsTheEndThatASlowOneFinds) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    static constexpr std::string_view kParts[] = {
        "{", "}", "[", "]", "\"", "\\\\", "\\\"", "a", "1", ",", ":", " ", "\"}\"", "\"{[\"", "\"\\\\\""};
    std::string text = "{";
    const std::size_t parts = random() % 60;
    for (std::size_t i = 0; i < parts; ++i) text += kParts[random() % std::size(kParts)];
    // One octet after the other.
    std::size_t end = 0, depth = 0;
    bool in_string = false, escape = false;
    for (std::size_t i = 0; i < text.size() && end == 0; ++i) {
      if (in_string) {
        in_string = escape || text[i] != '"';
        escape = !escape && text[i] == '\\';
      } else if (text[i] == '"') {
        in_string = true;
      } else if (text[i] == '{' || text[i] == '[') {
        ++depth;
      } else if ((text[i] == '}' || text[i] == ']') && --depth == 0) {
        end = i + 1;
      }
    }
    const std::size_t cut = random() % (text.size() + 1);
    JsonSplitter splitter;
    std::string_view piece = std::string_view(text).substr(0, cut), value;
    bool found = splitter.next(piece, value);
    if (!found) {
      piece = std::string_view(text).substr(cut);
      found = splitter.next(piece, value);
    }
    ASSERT_EQ(found, end != 0) << text << " cut at " << cut;
    if (!found) continue;
    EXPECT_EQ(value, text.substr(0, end)) << text << " cut at " << cut;
  }
}

}  // namespace
}  // namespace farebox
