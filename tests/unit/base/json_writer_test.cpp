#include "config/base/json_writer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace farebox {
namespace {

using namespace std::string_view_literals;

std::string quoted(std::string_view text, std::size_t limit = std::string_view::npos) {
  std::string out;
  append_json_string(out, text, limit);
  return out;
}

TEST(JsonString, EscapesWhatMustBeAndNothingElse) {
  struct Row {
    std::string_view text, json;
  };
  const Row rows[] = {
      {"", R"("")"},
      {"plain / text", R"("plain / text")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"\n\r\t", R"("\n\r\t")"},
      {"\0\x01\x1b\x1f\x7f"sv, R"("\u0000\u0001\u001b\u001f\u007f")"},
      {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
      {"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
  };
  for (const Row& row : rows) EXPECT_EQ(quoted(row.text), row.json);
}

TEST(JsonString, InvalidUtf8BecomesTheReplacementCharacter) {
  const std::string u = "\xef\xbf\xbd";
  struct Row {
    std::string_view text;
    std::string json;
  };
  const Row rows[] = {
      {"\xff", u},                          // no lead
      {"a\x80z", "a" + u + "z"},            // a continuation on its own
      {"\xc3", u},                          // cut short
      {"\xc3z", u + "z"},                   // no continuation
      {"\xc0\xaf", u + u},                  // overlong
      {"\xe0\x80\xaf", u + u + u},          // overlong
      {"\xed\xa0\x80", u + u + u},          // a surrogate
      {"\xf4\x90\x80\x80", u + u + u + u},  // above U+10FFFF
      {"\xf5\x80\x80\x80", u + u + u + u},
      {"\xe2\x82", u + u},
  };
  for (const Row& row : rows) EXPECT_EQ(quoted(row.text), "\"" + row.json + "\"");
}

TEST(JsonString, AnyOctetsGiveOneValidLine) {
  std::mt19937 random(3);
  for (int round = 0; round < 5'000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random() & 0xFF);
    const std::string json = quoted(text, random() % 50);
    ASSERT_EQ(json.find('\n'), std::string::npos);
    ASSERT_TRUE(nlohmann::json::accept(json)) << json;
  }
}

TEST(JsonString, ALimitCutsTheTextAndKeepsItValid) {
  EXPECT_EQ(quoted("abcdef", 3), R"("abc")");
  EXPECT_EQ(quoted("abc", 3), R"("abc")");
  EXPECT_EQ(quoted("abc", 0), R"("")");
  EXPECT_EQ(quoted("a\xc3\xa9", 2), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(quoted("\"\"\"", 2), R"("\"\"")");
}

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("text").string("x");
  json.key("most").number(~std::uint64_t(0));
  json.key("least").number(std::numeric_limits<std::int64_t>::min());
  json.key("flags").begin_array().boolean(true).boolean(false).null().end_array();
  json.key("empty").begin_object().end_object();
  json.key("list").begin_array();
  json.begin_object().key("a").raw("1.5").end_object();
  json.begin_array().end_array();
  json.end_array();
  json.key("cut").string("abcdef", 2);
  json.end_object();
  EXPECT_EQ(out,
            R"({"text":"x","most":18446744073709551615,"least":-9223372036854775808,)"
            R"("flags":[true,false,null],"empty":{},"list":[{"a":1.5},[]],"cut":"ab"})");
}

TEST(JsonWriter, AppendsBehindWhatIsThere) {
  std::string out = "x=";
  JsonWriter(out).string("y");
  EXPECT_EQ(out, "x=\"y\"");
}

TEST(JsonWriter, NamesThatSomebodyElseChoseAreEscaped) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.foreign_key("a\"\n").null();
  json.foreign_key("\xff").boolean(true);
  json.key("ours").null();
  json.end_object();
  EXPECT_EQ(out, "{\"a\\\"\\n\":null,\"\xef\xbf\xbd\":true,\"ours\":null}");
}

}  // namespace
}  // namespace farebox
