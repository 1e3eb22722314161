#include <gtest/gtest.h>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

LoadResult with_base_url(const std::string& url) {
  return load_whole("providers:\n  x:\n    base_url: \"" + url + "\"\n");
}

TEST(BaseUrl, WhatIsPastedByMistakeIsAWarning) {
  struct Row {
    const char* url;
    const char* says;
  };
  constexpr Row kRows[] = {
      {"https://api.openai.com/v1/chat/completions", "one endpoint"},
      {"https://api.anthropic.com/v1/messages/", "one endpoint"},
      {"https://a.test/v1beta/models/gemini-2.5-flash:generateContent", "one endpoint"},
      {"https://a.test/v1/v1", "/v1 twice"},
      {"http://api.openai.com/v1", "write https://api.openai.com"},
  };
  for (const Row& row : kRows) {
    const LoadResult result = with_base_url(row.url);
    EXPECT_TRUE(result.ok()) << row.url;
    ASSERT_EQ(result.warnings.size(), 1u) << row.url;
    EXPECT_EQ(result.warnings[0].line, 3);
    EXPECT_NE(result.warnings[0].text.find(row.says), std::string::npos) << row.url;
  }
}

TEST(BaseUrl, UsualOnesAreNoMistake) {
  for (const char* const url :
       {"https://api.openai.com", "https://api.openai.com/v1/", "https://api.groq.com/openai/v1",
        "http://127.0.0.1:8000/v1", "http://vllm.internal", "https://a.test/messages/v2"}) {
    EXPECT_EQ(lines_of(with_base_url(url).warnings), "") << url;
  }
}

TEST(BaseUrl, AMissingSchemeIsAnError) {
  for (const char* const url : {"api.openai.com", "api.openai.com/v1", "http//a.test", "htps://a.test"}) {
    const LoadResult result = with_base_url(url);
    ASSERT_EQ(result.errors.size(), 1u) << url;
    EXPECT_NE(result.errors[0].text.find("https://api.openai.com"), std::string::npos) << url;
  }
}

}  // namespace
}  // namespace farebox
