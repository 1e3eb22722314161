#include "config/yaml_document.hpp"

#include <gtest/gtest.h>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

// Half a megabyte of brackets took 110 MiB, which the process kept, before it was refused.
TEST(YamlDocument, BracketsThatAreNeverClosedAreRefusedBeforeTheyTakeMemory) {
  const auto resident_kib = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    }
    return 0L;
  };
  const long before = resident_kib();
  for (const char* const bracket : {"[", "{", "{a: [", "[[[[]"}) {
    std::string text = "listen: 127.0.0.1:1\nproviders: ";
    while (text.size() < 500'000) text += bracket;
    const LoadResult result = load_text(text, "farebox.yaml", environment_of({}));
    ASSERT_EQ(result.errors.size(), 1u) << bracket;
    EXPECT_TRUE(to_line(result.errors[0]).starts_with("farebox.yaml:2: values are nested more than 32"))
        << to_line(result.errors[0]);
  }
  EXPECT_LT(resident_kib() - before, 32 << 10);
}

TEST(YamlDocument, BracketsThatCloseAndThoseOfTextsAreNotCountedTogether) {
  std::string text = "allowed_origins:\n";
  for (int i = 0; i < 1000; ++i) text += "  - \"http://[::1]:" + std::to_string(i + 1) + "\"\n";
  EXPECT_TRUE(load_text(text, "farebox.yaml", environment_of({})).ok());
  EXPECT_TRUE(load_text("# " + std::string(200, '[') + "\nlisten: 127.0.0.1:1\n", "farebox.yaml",
                        environment_of({})).ok());
}

}  // namespace
}  // namespace farebox
