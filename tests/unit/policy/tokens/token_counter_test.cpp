#include "policy/tokens/token_counter.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "policy/tokens/json_text.hpp"
#include "policy/tokens/stream_counter.hpp"
#include "tests/support/reference_tokens.hpp"
#include "tests/support/token_texts.hpp"

namespace farebox {
namespace {

constexpr Encoding kEncodings[] = {Encoding::o200k_base, Encoding::cl100k_base, Encoding::p50k_base,
                                   Encoding::r50k_base};

#define COUNTER_OR_SKIP(name, encoding)                                                   \
  auto name = TokenCounter::make(encoding);                                               \
  if (!name) GTEST_SKIP() << "built without " << name_of(encoding) << "; run ./dev setup"

std::string facts_file(Encoding encoding) {
  const char* const said = std::getenv("FAREBOX_FACTS_DIR");
  const std::filesystem::path facts = said != nullptr ? said : FAREBOX_SOURCE_DIR "/../shared";
  return facts / "tokens" / (std::string(name_of(encoding)) + ".jsonl");
}

// The octets between the quotes of the first member "text", as they stand.
std::string_view raw_text(std::string_view line) {
  std::size_t at = line.find("\"text\"");
  at = line.find('"', line.find(':', at)) + 1;
  std::size_t end = at;
  while (line[end] != '"') end += line[end] == '\\' ? 2 : 1;
  return line.substr(at, end - at);
}

TEST(TokenCounter, CountsTheFactsAsTheReferenceDoes) {
  for (const Encoding encoding : kEncodings) {
    COUNTER_OR_SKIP(counter, encoding);
    std::ifstream file(facts_file(encoding));
    if (!file) GTEST_SKIP() << "no " << facts_file(encoding) << "; set FAREBOX_FACTS_DIR";
    std::size_t rows = 0;
    auto bounding = TokenCounter::make_bounding(encoding);
    for (std::string line; std::getline(file, line); ++rows) {
      const std::string_view raw = raw_text(line);
      // What is escaped alone is no UTF-8, so only its raw octets can be read.
      const std::string rest = line.substr(0, static_cast<std::size_t>(raw.data() - line.data())) +
                               line.substr(static_cast<std::size_t>(raw.data() + raw.size() - line.data()));
      const auto facts = nlohmann::json::parse(rest);
      ASSERT_EQ(count_json_string(*counter, raw), facts["count"]) << raw.substr(0, 300);
      ASSERT_GE(count_json_string(*bounding, raw), facts["count"]) << raw.substr(0, 300);
      const auto whole = nlohmann::json::parse(line, nullptr, false);
      if (whole.is_discarded()) continue;
      const std::string text = whole["text"];
      ASSERT_EQ(counter->count(text), facts["count"]) << raw.substr(0, 300);
      if (facts.contains("ids")) {
        ASSERT_EQ(counter->ids(text), facts["ids"].get<std::vector<std::uint32_t>>()) << raw.substr(0, 300);
      }
    }
    EXPECT_GT(rows, 50u);
  }
}

TEST(TokenCounter, AgreesWithThePatternsRunByAnotherEngine) {
  for (const Encoding encoding : kEncodings) {
    COUNTER_OR_SKIP(counter, encoding);
    auto plain = TokenCounter::make(encoding, Instructions::plain);
    auto small = TokenCounter::make(encoding, std::min(best_instructions(), Instructions::avx2));
    const auto reference = test::ReferenceTokens::make(std::string(name_of(encoding)));
    if (!reference) GTEST_SKIP() << "the rank files are not here; run ./dev setup";
    std::mt19937_64 random(7);
    for (int i = 0; i < 400; ++i) {
      const std::string text = test::hard_text(random, 1 + random() % 120);
      const auto ids = reference->ids(text);
      ASSERT_EQ(counter->ids(text), ids) << name_of(encoding) << ": " << testing::PrintToString(text);
      ASSERT_EQ(counter->count(text), ids.size()) << testing::PrintToString(text);
      ASSERT_EQ(plain->count(text), ids.size()) << testing::PrintToString(text);
      ASSERT_EQ(small->count(text), ids.size()) << testing::PrintToString(text);
    }
  }
}

TEST(TokenCounter, CutsBlocksAsItCutsPieces) {
  const CharacterTable table;
  std::mt19937_64 random(3);
  for (const Pattern pattern : {Pattern::o200k, Pattern::cl100k}) {
    for (const Instructions each : {Instructions::avx2, Instructions::avx512}) {
      if (each > best_instructions()) continue;
      const BlockBegins begins_of = block_begins(pattern, each);
      for (int i = 0; i < 30'000; ++i) {
        // Few kinds of octets, so that every rule meets every other.
        constexpr std::string_view kOctets = "aAsStlLrevmd01 \n\r\t'/(.\x7F\xC3\xA9";
        std::string text;
        while (text.size() < kBlock) text += kOctets[random() % (random() % 4 == 0 ? kOctets.size() - 2 : 20)];
        if (i % 7 == 0) text.replace(random() % 62, 2, "\xC3\xA9");
        const auto* const octets = reinterpret_cast<const unsigned char*>(text.data());
        std::size_t at = 0;
        for (std::uint64_t begins = begins_of(octets); begins != 0; begins &= begins - 1) {
          const auto begin = static_cast<std::size_t>(std::countr_zero(begins));
          ASSERT_EQ(piece_end(pattern, table, {octets, text.size()}, at, Rest::unknown), begin)
              << testing::PrintToString(text);
          at = begin;
        }
      }
    }
  }
}

TEST(TokenCounter, OctetsThatAreNoTextAreOnePiece) {
  COUNTER_OR_SKIP(counter, Encoding::cl100k_base);
  const auto reference = test::ReferenceTokens::make("cl100k_base");
  if (!reference) GTEST_SKIP() << "the rank files are not here; run ./dev setup";
  // Counts of PyPI tiktoken 0.14.0, Encoding._encode_bytes.
  const struct {
    std::string_view text;
    std::size_t count;
  } rows[] = {
      {"\xff", 1},
      {"a\xff", 2},
      {"Hello world\xff""Hello world again", 6},
      {"Hello world \xff""\xff""\xff", 6},
      {"line\x0a""\x0a""  \xff""x", 5},
      {"f();\x0a""\x0a""\x0a""\x09""\x09""\xc3"" and more text", 7},
      {"x\x0a"" \x0a""   \xe4""\xb8", 4},
      {"end \xf0""\x9f""\x98", 2},
      {"\xed""\xa0""\x80", 2},
      {"\xc0""\x80""abc def", 4},
      {"12345\x80"" 67890", 6},
      {"a  \x0a""\x09"" \x0a""  b \xfe", 7},
      {"  \xff", 2},
      {"word\x0a""\xff""\x0a""word\x0a""word word", 8},
      {" \x0a""\xff"" the rest of it, with many words in it", 12},
      {"!!\x0a""\x0a""  \xff""z", 4},
      {"\x0b""\x09"" \x0a""\xfe", 3},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(counter->count(row.text), row.count) << testing::PrintToString(row.text);
    EXPECT_EQ(counter->ids(row.text).size(), row.count) << testing::PrintToString(row.text);
    StreamCounter stream(*counter);
    for (const char c : row.text) stream.feed({&c, 1});
    EXPECT_EQ(stream.tokens(), row.count) << testing::PrintToString(row.text);
  }
}

TEST(StreamCounter, CountsTheWholeHoweverItIsCut) {
  for (const Encoding encoding : kEncodings) {
    COUNTER_OR_SKIP(counter, encoding);
    std::mt19937_64 random(11);
    for (int i = 0; i < 300; ++i) {
      std::string text = test::hard_text(random, 1 + random() % 100);
      if (i % 4 == 0) text[random() % text.size()] = static_cast<char>(random());
      StreamCounter stream(*counter);
      std::string fed;
      while (fed.size() < text.size()) {
        const std::string next = text.substr(fed.size(), 1 + random() % (i % 2 == 0 ? 3 : 80));
        stream.feed(next);
        fed += next;
        if (random() % 8 != 0) continue;
        ASSERT_EQ(stream.tokens(), counter->count(fed)) << testing::PrintToString(fed);
      }
      ASSERT_EQ(stream.tokens(), counter->count(text)) << testing::PrintToString(text);
    }
  }
}

TEST(JsonText, IsCountedAsItsTextHoweverItIsEscaped) {
  COUNTER_OR_SKIP(counter, Encoding::o200k_base);
  std::mt19937_64 random(5);
  for (int i = 0; i < 300; ++i) {
    const std::string text = test::hard_text(random, 1 + random() % (i % 50 == 0 ? 9000 : 200));
    for (const bool ascii : {false, true}) {
      const std::string quoted = nlohmann::json(text).dump(-1, ' ', ascii);
      ASSERT_EQ(count_json_string(*counter, std::string_view(quoted).substr(1, quoted.size() - 2)),
                counter->count(text)) << quoted.substr(0, 400);
    }
  }
}

TEST(JsonText, ReadsWhatIsBroken) {
  const struct {
    std::string_view raw, text;
  } rows[] = {
      {"", ""},
      {R"(a\"b\\c\/d\b\f\n\r\t)", "a\"b\\c/d\b\f\n\r\t"},
      {R"(\u0041\u00e9\u4E2d\uD83D\uDE00)", "A\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"},
      {R"(\uD83D)", "\xEF\xBF\xBD"},
      {R"(\uD83Dx\uDE00)", "\xEF\xBF\xBDx\xEF\xBF\xBD"},
      {R"(\uD83D\uD83D\uDE00)", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
      {R"(\uD83D\n)", "\xEF\xBF\xBD\n"},
      {R"(\u12)", "\\u12"},
      {R"(\x)", "\\x"},
      {"\\", "\\"},
      {"a\xFF\xFE", "a\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xF0\x9F\x98", "\xEF\xBF\xBD"},
      {"\xE4\xB8\\n", "\xEF\xBF\xBD\n"},
  };
  for (const auto& row : rows) {
    for (const std::size_t size : {4u, 5u, 64u}) {
      JsonText text(row.raw);
      std::string read, buffer(size, '\0');
      while (const std::size_t part = text.read(buffer)) read += buffer.substr(0, part);
      EXPECT_EQ(read, row.text) << row.raw;
    }
  }
}

TEST(TokenCounter, BoundsWhatItDoesNotMerge) {
  COUNTER_OR_SKIP(counter, Encoding::o200k_base);
  auto bounding = TokenCounter::make_bounding(Encoding::o200k_base);
  const std::string_view english =
      "Nobody pays for a ride that wasn't taken, and nobody rides for nothing. The fare is paid at the box.";
  EXPECT_EQ(bounding->count(english), counter->count(english));
  std::mt19937_64 random(9);
  for (int i = 0; i < 3'000; ++i) {
    std::string text(1 + random() % 200, ' ');
    for (char& c : text) c = static_cast<char>(i % 2 == 0 ? random() : "aeq \n'1\xD7\x90"[random() % 9]);
    const std::size_t bound = bounding->count(text);
    ASSERT_GE(bound, counter->count(text)) << testing::PrintToString(text);
    ASSERT_LE(bound, text.size());
    StreamCounter stream(*bounding);
    for (const char c : text) stream.feed({&c, 1});
    ASSERT_GE(stream.tokens(), counter->count(text)) << testing::PrintToString(text);
  }
}

TEST(TokenCounter, StaysLinear) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::size_t kSize = 64 << 10;
#else
  constexpr std::size_t kSize = 1 << 20;
#endif
  std::mt19937_64 random(1);
  std::string letters, digits, period;
  for (std::size_t i = 0; i < kSize; ++i) {
    letters += static_cast<char>('a' + random() % 26);
    digits += static_cast<char>(0x80 + random() % 0x40);
  }
  for (std::size_t i = 0; i < kSize; ++i) period += "abcdefg"[i % 7];
  for (const Encoding encoding : {Encoding::o200k_base, Encoding::cl100k_base}) {
    COUNTER_OR_SKIP(counter, encoding);
    for (const std::string& text :
         {std::string(kSize, 'a'), std::string(kSize, 'Q'), std::string(kSize, ' '), std::string(kSize, '\n'),
          std::string(kSize, '='), std::string(kSize, '1'), std::string(kSize, '\''), std::string(kSize, '\0'),
          letters, digits, period}) {
      const auto began = std::chrono::steady_clock::now();
      const std::size_t tokens = counter->count(text);
      StreamCounter stream(*counter);
      for (std::size_t at = 0; at < text.size(); at += 16) stream.feed(std::string_view(text).substr(at, 16));
      EXPECT_EQ(stream.tokens(), tokens);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
      EXPECT_LT(took.count(), 20.0) << testing::PrintToString(text.substr(0, 20));
    }
  }
}

TEST(TokenCounter, TakesSpecialTokensForOneOnlyWhereAsked) {
  COUNTER_OR_SKIP(counter, Encoding::cl100k_base);
  const struct {
    std::string_view text;
    std::size_t ordinary, special;  // of tiktoken: encode_ordinary, encode with all allowed
  } rows[] = {
      {"<|endoftext|>", 7, 1},
      {"a<|endoftext|>b", 9, 3},
      {"<<|fim_prefix|><|fim_suffix|>|>", 14, 5},
      {"<|nothing|>", 5, 5},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(counter->count(row.text), row.ordinary) << row.text;
    EXPECT_EQ(counter->count_with_special_tokens(row.text), row.special) << row.text;
  }
}

TEST(TokenCounter, NeverPassesItsBound) {
  COUNTER_OR_SKIP(counter, Encoding::o200k_base);
  std::mt19937_64 random(9);
  for (int i = 0; i < 100; ++i) {
    const std::string text = test::hard_text(random, random() % 50);
    EXPECT_LE(counter->count(text), most_tokens(text));
  }
  EXPECT_LE(count_json_string(*counter, "\xFF\xFF"), most_tokens_of_json("\xFF\xFF"));
}

}  // namespace
}  // namespace farebox
