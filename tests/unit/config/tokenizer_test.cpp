#include "config/tokenizer.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace farebox {
namespace {

TEST(Tokenizer, KnowsModelsByTheBeginOfTheirNames) {
  const struct {
    std::string_view model, encoding;
    bool exact;
  } rows[] = {
      {"gpt-4o", "o200k_base", true},          {"gpt-4o-mini-2024-07-18", "o200k_base", true},
      {"gpt-4", "cl100k_base", true},          {"gpt-4-turbo", "cl100k_base", true},
      {"gpt-4.1-nano", "o200k_base", true},    {"gpt-5.1-codex", "o200k_base", true},
      {"gpt-3.5-turbo", "cl100k_base", true},  {"gpt-35-turbo", "cl100k_base", true},
      {"o1", "o200k_base", true},              {"o3-mini", "o200k_base", true},
      {"chatgpt-4o-latest", "o200k_base", true}, {"openai/gpt-4o", "o200k_base", true},
      {"ft:gpt-4o-mini:acme", "o200k_base", true}, {"openai.gpt-oss-120b-1:0", "o200k_harmony", true},
      {"text-embedding-3-small", "cl100k_base", true}, {"text-davinci-003", "p50k_base", true},
      {"text-davinci-edit-001", "p50k_edit", true}, {"gpt2", "gpt2", true}, {"GPT-4O", "o200k_base", true},
      {"claude-3-5-sonnet-20241022", "o200k_base", false},
      {"us.anthropic.claude-3-5-sonnet-20241022-v2:0", "o200k_base", false},
      {"models/gemini-2.5-pro", "o200k_base", false}, {"mistral-large-latest", "o200k_base", false},
      {"accounts/fireworks/models/llama-v3p3-70b-instruct", "o200k_base", false},
  };
  for (const auto& row : rows) {
    const TokenizerOf* const found = tokenizer_of(row.model);
    ASSERT_NE(found, nullptr) << row.model;
    EXPECT_EQ(name_of(found->encoding), row.encoding) << row.model;
    EXPECT_EQ(found->exact, row.exact) << row.model;
    EXPECT_EQ(found->error == 0, row.exact) << row.model;
  }
  for (const std::string_view unknown : {"", "my-model", "gpt-47", "o1x", "gpt", "/", "a.b/c:d"}) {
    EXPECT_EQ(tokenizer_of(unknown), nullptr) << unknown;
  }
  EXPECT_EQ(tokenizer_of(std::string(1'000'000, '/')), nullptr);
}

// What the price table says of a model's tokenizer is said here too.
TEST(Tokenizer, AgreesWithThePriceTable) {
  std::ifstream file(FAREBOX_SOURCE_DIR "/config/prices.json");
  const auto prices = nlohmann::json::parse(file);
  std::size_t exact = 0;
  for (const auto& card : prices["models"]) {
    if (!card.value("tokenizer_public", false)) continue;
    const std::string model = card["model"];
    const TokenizerOf* const found = tokenizer_of(model);
    ASSERT_NE(found, nullptr) << model;
    EXPECT_TRUE(found->exact) << model;
    EXPECT_EQ(name_of(found->encoding), card["tokenizer"].get<std::string>()) << model;
    ++exact;
  }
  EXPECT_GT(exact, 100u);
}

TEST(Encoding, IsFoundByItsName) {
  for (const std::string_view name : encoding_names()) {
    ASSERT_TRUE(encoding_named(name).has_value()) << name;
    EXPECT_EQ(name_of(*encoding_named(name)), name);
    EXPECT_EQ(base_of(base_of(*encoding_named(name))), base_of(*encoding_named(name)));
  }
  EXPECT_FALSE(encoding_named("o100k").has_value());
}

}  // namespace
}  // namespace farebox
