#include "proxy/dialect/json_cursor.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace farebox {
namespace {

bool valid(const std::string& text) {
  JsonCursor cursor(text);
  cursor.skip();
  return cursor.at_end();
}

TEST(JsonCursor, SkipsWhatTheGrammarAllows) {
  for (const char* text :
       {"{}", "[]", " [ ] ", "0", "-0", "-1.5e+10", "1E400", "1e-400", "true", "false", "null",
        R"("")", R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", R"({"a":[1,{"b":null},[[]]],"c":""})",
        " \t\r\n{ \"a\" : 1 , \"a\" : 2 } \n", "\"\x7f\xff\"",
        R"(["0123456789abcdef0123456789abcdef","0123456789abcde\"f"])"}) {
    EXPECT_TRUE(valid(text)) << text;
  }
}

TEST(JsonCursor, RefusesWhatTheGrammarForbids) {
  for (const char* text :
       {"", " ", "{", "}", "[", "]", "{]", "[}", "{,}", "[,]", "[1,]", "{\"a\":1,}", "{\"a\"}",
        "{\"a\":}", "{a:1}", "{'a':1}", "{\"a\":1 \"b\":2}", "[1 2]", "01", "-", "1.", ".5", "+1",
        "1e", "1e+", "0x1", "NaN", "Infinity", "tru", "truee", "nul", "nulll", "\"", "\"\\\"",
        "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\t\"", "\"0123456789abcdef\x01\"",
        "{}{}", "1,", "// x\n1", "[1]]", "{\"a\":[}]"}) {
    EXPECT_FALSE(valid(text)) << text;
  }
  EXPECT_FALSE(valid(std::string("\"a\0b\"", 5)));
}

TEST(JsonCursor, RefusesWhatNestsTooDeeply) {
  const std::size_t most = JsonCursor::kMaxDepth;
  EXPECT_TRUE(valid(std::string(most, '[') + std::string(most, ']')));
  EXPECT_FALSE(valid(std::string(most + 1, '[') + std::string(most + 1, ']')));
  EXPECT_FALSE(valid(std::string(10'000'000, '[')));
}

// A text cut anywhere is never valid, and nothing beyond its end is read.
TEST(JsonCursor, AnyPrefixIsInvalid) {
  const std::string text = R"({"a":[1.5e3,"x\u00e9\n",true,null,{"b":{}}],"c":-0})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::string prefix = text.substr(0, size);
    EXPECT_FALSE(valid(prefix)) << prefix;
    JsonCursor cursor(prefix);
    cursor.each_member([&](std::string_view) { cursor.each_element([&] { cursor.count(); }); });
    EXPECT_TRUE(cursor.failed()) << prefix;
  }
}

TEST(JsonCursor, VisitsMembersAndSkipsTheRest) {
  const std::string text = R"({"skip":{"b":[1,2]},"b":"two","li\u0073t":[1,"x",3],"end":null})";
  JsonCursor cursor(text);
  std::string b;
  std::vector<std::uint64_t> list;
  ASSERT_TRUE(cursor.each_member([&](std::string_view key) {
    if (key == "b") b = cursor.string()->decoded();
    if (key == "list") {
      cursor.each_element([&] { list.push_back(cursor.count().value_or(99)); });
    }
  }));
  EXPECT_TRUE(cursor.at_end());
  EXPECT_EQ(b, "two");
  EXPECT_EQ(list, (std::vector<std::uint64_t>{1, 99, 3}));
}

TEST(JsonCursor, DecodesStrings) {
  const struct {
    const char* json;
    const char* text;
  } rows[] = {
      {R"("plain")", "plain"},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u4f60")", "A\xc3\xa9\xe4\xbd\xa0"},
      {R"("\ud83d\ude00!")", "\xf0\x9f\x98\x80!"},
      {R"("\ud83d")", "\xef\xbf\xbd"},
      {R"("\ud83dx")", "\xef\xbf\xbdx"},
      {R"("\ude00\ud83d\n")", "\xef\xbf\xbd\xef\xbf\xbd\n"},
      {R"("\ud83d\u0041")", "\xef\xbf\xbd" "A"},
  };
  for (const auto& row : rows) {
    JsonCursor cursor{std::string_view(row.json)};
    const auto string = cursor.string();
    ASSERT_TRUE(string) << row.json;
    EXPECT_EQ(string->decoded(), row.text) << row.json;
    EXPECT_EQ(string->decoded_size(), std::string_view(row.text).size()) << row.json;
  }
}

TEST(JsonCursor, CountsAreWholeNumbersOrNothing) {
  const auto count = [](std::string_view text) { return JsonCursor(text).count(); };
  EXPECT_EQ(count("0"), 0u);
  EXPECT_EQ(count("17"), 17u);
  EXPECT_EQ(count("25.0"), 25u);
  EXPECT_EQ(count("2e3"), 2000u);
  EXPECT_EQ(count("9007199254740992"), 9007199254740992u);
  for (const char* text :
       {"9007199254740993", "18446744073709551615", "18446744073709551616", "1e400", "-1", "-0.5",
        "1.5", "1e-3", "\"17\"", "null", "true", "[1]", "{}", ""}) {
    EXPECT_EQ(count(text), std::nullopt) << text;
  }
}

// The text chooses how deep a reader goes that visits a member as it visits the whole.
void visit_all(JsonCursor& cursor, std::size_t& deepest, std::size_t depth = 0) {
  deepest = std::max(deepest, depth);
  const auto deeper = [&] { visit_all(cursor, deepest, depth + 1); };
  if (cursor.kind() == JsonCursor::Kind::object) {
    cursor.each_member([&](std::string_view) { deeper(); });
  } else if (cursor.kind() == JsonCursor::Kind::array) {
    cursor.each_element(deeper);
  }
}

// 400,000 objects within each other in a provider's answer once ended the program.
TEST(JsonCursor, IsNotVisitedAsDeepAsAHostileTextNests) {
  for (const std::size_t depth : {std::size_t{10}, std::size_t{60}, std::size_t{400'000}}) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += i % 2 == 0 ? "{\"response\":" : "[";
    text += "1";
    for (std::size_t i = depth; i-- > 0;) text += i % 2 == 0 ? '}' : ']';
    JsonCursor cursor(text);
    std::size_t deepest = 0;
    visit_all(cursor, deepest);
    EXPECT_LE(deepest, JsonCursor::kMaxVisits);
    EXPECT_EQ(cursor.at_end(), depth <= JsonCursor::kMaxVisits) << depth;
  }
}

}  // namespace
}  // namespace farebox
