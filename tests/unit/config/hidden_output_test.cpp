#include "config/hidden_output.hpp"

#include <gtest/gtest.h>

#include <string>

namespace farebox {
namespace {

TEST(HiddenOutput, FamiliesThatShowWhatTheyBill) {
  for (const char* model :
       {"gpt-4o", "gpt-4o-mini-2024-07-18", "gpt-4.1", "gpt-4.1-nano", "gpt-4", "gpt-4-turbo",
        "gpt-3.5-turbo", "gpt-35-turbo", "chatgpt-4o-latest", "claude-3-5-sonnet-20241022",
        "claude-3-haiku-20240307", "claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-1",
        "gemini-1.5-pro", "gemini-2.0-flash", "gemini-2.0-flash-lite", "mistral-large-latest",
        "codestral-2501", "command-r-plus", "llama-3.3-70b-versatile", "qwen2.5-72b-instruct",
        "grok-2-1212", "GPT-4o", "Claude-3-Opus",
        // As sellers write them.
        "openai/gpt-4o", "openrouter/openai/gpt-4.1", "anthropic.claude-3-haiku-20240307-v1:0",
        "us.anthropic.claude-sonnet-4-20250514-v1:0", "models/gemini-2.0-flash",
        "publishers/google/models/gemini-2.0-flash", "ft:gpt-4o-mini-2024-07-18:acme::abc",
        "eu.amazon.nova-lite-v1:0", "meta-llama/Llama-3.1-8B-Instruct"}) {
    EXPECT_FALSE(may_hide_output(model)) << model;
  }
}

TEST(HiddenOutput, EveryOtherNameMayHide) {
  for (const char* model :
       {"o1", "o1-mini", "o3", "o3-mini", "o4-mini", "gpt-5", "gpt-5-mini", "gpt-5.1", "gpt-6",
        "openai/o3", "azure/gpt-5", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-3-pro-preview",
        "deepseek-reasoner", "deepseek-r1", "grok-3-mini", "grok-4", "qwen3-235b", "magistral-medium",
        "claude-opus-5", "claude-sonnet-5", "nova-premier-v1:0", "", "a-model-of-tomorrow",
        // A family that shows all of it, and a word that says more is done.
        "gpt-4o-search-preview", "gpt-4o-audio-preview", "gpt-4o-realtime-preview",
        "claude-3-7-sonnet-thinking", "claude-3-7-sonnet:thinking", "gemini-2.0-flash-thinking-exp",
        "qwen2-Reasoning", "gpt-4o-deep-research", "gpt-4o-image", "GPT-4O-SEARCH-PREVIEW"}) {
    EXPECT_TRUE(may_hide_output(model)) << model;
  }
}

TEST(HiddenOutput, ANameInsideAnotherIsNoFamily) {
  for (const char* model : {"not-gpt-4o", "xgpt-4", "my-claude-3", "deepseek-r1-distill-llama-70b"}) {
    EXPECT_TRUE(may_hide_output(model)) << model;
  }
}

TEST(HiddenOutput, LongAndOddNamesMayHide) {
  EXPECT_TRUE(may_hide_output(std::string(100'000, '/') + "gpt-4o"));
  EXPECT_TRUE(may_hide_output(std::string(257, 'a')));
  EXPECT_TRUE(may_hide_output(std::string(200, '/')));
  EXPECT_TRUE(may_hide_output("////:::..."));
  EXPECT_TRUE(may_hide_output(std::string("\0gpt-4o", 7)));
  EXPECT_FALSE(may_hide_output("gpt-4o" + std::string(100, 'x')));
}

}  // namespace
}  // namespace farebox
