// What scopes call a model, whatever traffic writes.
#include "config/model_family.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

struct Row {
  const char *name, *plain, *family;
};

TEST(ModelFamily, HasOneNameForAllSpellings) {
  const Row rows[] = {
      {"gpt-4o", "gpt-4o", "gpt-4o"},
      {"GPT-4o", "gpt-4o", "gpt-4o"},
      {"gpt-4o-2024-08-06", "gpt-4o-2024-08-06", "gpt-4o"},
      {"openai/gpt-4o", "gpt-4o", "gpt-4o"},
      {"openai/gpt-4o:nitro", "gpt-4o:nitro", "gpt-4o"},
      {"openrouter/openai/GPT-4o", "gpt-4o", "gpt-4o"},
      {"gpt-4-0613", "gpt-4-0613", "gpt-4"},
      {"gpt-3.5-turbo-0125", "gpt-3.5-turbo-0125", "gpt-3.5-turbo"},
      {"mistral-large-2411", "mistral-large-2411", "mistral-large"},
      {"mistral-large-latest", "mistral-large-latest", "mistral-large"},
      {"models/gemini-2.0-flash-001", "gemini-2.0-flash-001", "gemini-2.0-flash"},
      {"publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro", "gemini-2.5-pro"},
      {"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929-v1:0",
       "claude-sonnet-4-5"},
      {"us.anthropic.claude-sonnet-4-5-20250929-v1%3A0", "claude-sonnet-4-5-20250929-v1:0",
       "claude-sonnet-4-5"},
      {"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
       "claude-3-haiku-20240307-v1:0", "claude-3-haiku"},
      {"anthropic/claude-sonnet-4.5", "claude-sonnet-4-5", "claude-sonnet-4-5"},
      {"claude-sonnet-4-5@20250929", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"},
      {"claude-sonnet-4-5@default", "claude-sonnet-4-5@default", "claude-sonnet-4-5"},
      {"eu.amazon.nova-pro-v1:0", "nova-pro-v1:0", "nova-pro"},
      {"ft:gpt-4o-2024-08-06:acme::x", "ft:gpt-4o-2024-08-06:acme::x", "ft:gpt-4o-2024-08-06:acme::x"},
      // Another model is another model.
      {"gpt-4o-mini", "gpt-4o-mini", "gpt-4o-mini"},
      {"text-embedding-ada-002", "text-embedding-ada-002", "text-embedding-ada-002"},
      {"gpt-4.1-9999-99-99", "gpt-4.1-9999-99-99", "gpt-4.1-9999-99-99"},
      {"deepseek-v3", "deepseek-v3", "deepseek-v3"},
      {"embed-english-v3.0", "embed-english-v3.0", "embed-english-v3.0"},
      {"model-a", "model-a", "model-a"},
      {"", "", ""},
      {"/", "/", "/"},
      {":", ":", ":"},
      {"-latest", "-latest", "-latest"},
  };
  for (const Row& row : rows) {
    const std::string plain = plain_model_name(row.name);
    EXPECT_EQ(plain, row.plain) << row.name;
    EXPECT_EQ(family_of_plain(plain), row.family) << row.name;
  }
}

}  // namespace
}  // namespace farebox
