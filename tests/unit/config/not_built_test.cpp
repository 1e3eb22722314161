// What is warned of because nothing acts on it yet. Built something?
// Remove its row in config/not_built.cpp and here.
#include <gtest/gtest.h>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

struct Row {
  std::string_view text;
  std::string_view key;
};

TEST(NotBuilt, WhatIsHarmlessToIgnoreIsWarnedOf) {
  const Row rows[] = {
      {"\nforward_proxy: {enabled: true, allow: [a.example]}", "forward_proxy.enabled"},
  };
  for (const Row& row : rows) {
    const LoadResult result = load_whole(row.text);
    EXPECT_TRUE(result.ok()) << lines_of(result.errors);
    EXPECT_EQ(lines_of(result.warnings),
              "farebox.yaml:2: warning: " + std::string(row.key) +
                  " is accepted but not built yet, it has no effect in this version; remove it or "
                  "wait for a later one\n");
  }
}

TEST(NotBuilt, WhatIsSwitchedOffIsNoProblem) {
  const LoadResult result = load_whole(
      "keys: []\nbudgets: []\nrate_limits: []\nroutes: []\nauth: {require_keys: false}\n"
      "tls: {cert_file: \"\", key_file: \"\"}\ncache: {enabled: false, ttl: 2h}\n"
      "forward_proxy: {enabled: false}\nupstream_proxy: \"\"\nledger: {sync: interval}\n");
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  EXPECT_TRUE(result.warnings.empty()) << lines_of(result.warnings);
}

}  // namespace
}  // namespace farebox
