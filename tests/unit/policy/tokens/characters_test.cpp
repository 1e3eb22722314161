#include "policy/tokens/characters.hpp"

#include <gtest/gtest.h>

#include "tests/support/reference_tokens.hpp"

namespace farebox {
namespace {

// Debian's PCRE2 is of Unicode 14, the tables of 16: where they differ, 14 must have nothing.
TEST(Characters, AreOfTheClassesThatAnotherLibraryKnows) {
  const CharacterTable table;
  const struct {
    CharClass kind;
    const char* pattern;
  } rows[] = {
      {CharClass::upper, "[\\p{Lu}\\p{Lt}]"}, {CharClass::lower, "\\p{Ll}"},
      {CharClass::letter, "[\\p{Lm}\\p{Lo}]"}, {CharClass::mark, "\\p{M}"},
      {CharClass::number, "\\p{N}"},          {CharClass::space, "(?![\\r\\n\\x{180E}])\\s"},
      {CharClass::line, "[\\r\\n]"},
  };
  const test::CodePointClass unassigned("\\p{Cn}");
  std::size_t newer = 0;
  for (const auto& row : rows) {
    const test::CodePointClass other(row.pattern);
    for (std::uint32_t code = 0; code < packed::kCodePoints; ++code) {
      if (code >= 0xD800 && code <= 0xDFFF) continue;
      const std::string text = test::utf8(code);
      const bool here = table.at(reinterpret_cast<const unsigned char*>(text.data())).kind == row.kind;
      if (here == other.holds(code)) continue;
      ASSERT_TRUE(unassigned.holds(code)) << row.pattern << " " << std::hex << code;
      ++newer;
    }
  }
  EXPECT_GT(newer, 9000u);
}

TEST(Characters, ValidUtf8EndsWhereRfc3629Says) {
  const struct {
    std::string_view text;
    std::size_t valid;
    bool may_go_on;  // what is left may become a character
  } rows[] = {
      {"", 0, true},
      {"abc", 3, true},
      {"a\xC3\xA9", 3, true},
      {"a\xC3", 1, true},
      {"a\x80", 1, false},
      {"\xC1\x81", 0, false},
      {"\xE0\x9F\xBF", 0, false},
      {"\xE0\xA0", 0, true},
      {"\xED\xA0\x80", 0, false},
      {"\xED\x9F\xBF", 3, true},
      {"\xF0\x8F\xBF\xBF", 0, false},
      {"\xF0\x90\x80", 0, true},
      {"\xF4\x8F\xBF\xBF", 4, true},
      {"\xF4\x90\x80\x80", 0, false},
      {"\xF5", 0, false},
      {"x\xFFy", 1, false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(valid_prefix(row.text), row.valid) << testing::PrintToString(row.text);
    EXPECT_EQ(may_become_valid(row.text.substr(row.valid)), row.may_go_on) << testing::PrintToString(row.text);
  }
}

}  // namespace
}  // namespace farebox
