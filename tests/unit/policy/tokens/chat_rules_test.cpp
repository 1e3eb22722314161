#include "policy/tokens/chat_rules.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

struct Row {
  std::string_view model;
  ChatGeneration generation;
};

TEST(ChatRules, KnowTheGenerationOfAModel) {
  const Row rows[] = {
      {"gpt-3.5-turbo-0125", ChatGeneration::classic},
      {"gpt-4", ChatGeneration::classic},
      {"openai/gpt-4o-mini", ChatGeneration::classic},
      {"ft:gpt-4o-2024-08-06:acme::abc", ChatGeneration::classic},
      {"chatgpt-4o-latest", ChatGeneration::classic},
      {"o1", ChatGeneration::reasoning},
      {"o4-mini-2025-04-16", ChatGeneration::reasoning},
      {"gpt-5", ChatGeneration::gpt5},
      {"gpt-5-2025-08-07", ChatGeneration::gpt5},
      {"gpt-5.1", ChatGeneration::gpt5},
      {"gpt-5.2-2025-12-11", ChatGeneration::gpt5_late},
      {"openai.gpt-5.10-mini", ChatGeneration::gpt5_late},
      {"openai.gpt-oss-20b-1:0", ChatGeneration::open_weights},
      {"gpt-oss:120b", ChatGeneration::open_weights},
      {"gpt-35-turbo", ChatGeneration::unknown},  // Azure: of any version
      {"claude-sonnet-4", ChatGeneration::unknown},
      {"", ChatGeneration::unknown},
      {"gpt-5.", ChatGeneration::gpt5},
      {"gpt-5.99999999999999999999", ChatGeneration::gpt5_late},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(chat_generation(row.model), row.generation) << row.model;
    EXPECT_EQ(chat_rules(row.model, PromptApi::chat).generation, row.generation) << row.model;
    EXPECT_EQ(chat_rules(row.model, PromptApi::responses).generation, row.generation) << row.model;
  }
}

}  // namespace
}  // namespace farebox
