// Every model that recorded traffic names and that has a price resolves to it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "policy/pricing.hpp"

namespace farebox {
namespace {

using nlohmann::json;

DialectName dialect_of(const std::string& provider) {
  if (provider == "anthropic") return DialectName::anthropic;
  if (provider == "gemini" || provider == "vertex") return DialectName::gemini;
  if (provider == "azure") return DialectName::azure;
  if (provider == "bedrock") return DialectName::bedrock;
  if (provider == "mistral") return DialectName::mistral;
  if (provider == "cohere") return DialectName::cohere;
  if (provider == "ollama") return DialectName::ollama;
  return DialectName::openai;
}

std::string text(const json& expected, const char* key) {
  const auto found = expected.find(key);
  return found != expected.end() && found->is_string() ? found->get<std::string>() : "";
}

TEST(PriceNamesOfRecordings, ResolveWhereThereIsAPrice) {
  const char* dir = std::getenv("FAREBOX_FACTS_DIR");
  const std::string facts = dir != nullptr ? dir : FAREBOX_SOURCE_DIR "/../shared";
  if (!std::filesystem::exists(facts + "/recordings/openai.jsonl")) {
    GTEST_SKIP() << "no recordings in " << facts << "; set FAREBOX_FACTS_DIR";
  }
  const Result<PriceTable> table = PriceTable::bundled();
  ASSERT_TRUE(table);
  // Known to have none: local servers, what the public tables lack, and names of tests.
  const std::set<std::string> unpriced_providers = {"lmstudio", "vllm", "writer", "realtime-ws",
                                                    "replicate"};
  int pairs = 0, resolved = 0, local = 0;
  std::string unknown;
  for (const auto& entry : std::filesystem::directory_iterator(facts + "/recordings")) {
    if (entry.path().extension() != ".jsonl") continue;
    const std::string provider = entry.path().stem();
    std::ifstream recordings(entry.path());
    std::set<std::pair<std::string, std::string>> names;
    for (std::string line; std::getline(recordings, line);) {
      const json expected = json::parse(line).value("expected", json::object());
      if (expected.value("usage_found", false)) {
        names.emplace(text(expected, "model"), text(expected, "request_model"));
      }
    }
    for (const auto& [replied, requested] : names) {
      if (replied.empty() && requested.empty()) continue;
      ++pairs;
      const PriceContext here{.table = *table, .provider = provider, .dialect = dialect_of(provider)};
      const PriceMatch match = match_answer(here, replied.empty() ? requested : replied, requested);
      if (match.card != nullptr) ++resolved;
      else if (unpriced_providers.contains(provider)) ++local;
      else unknown += provider + ": '" + replied + "' asked as '" + requested + "'\n";
    }
  }
  std::printf("names of recordings: %d pairs, %d resolve, %d of local or unlisted providers, "
              "unknown:\n%s", pairs, resolved, local, unknown.c_str());
  EXPECT_GE(resolved, 300);
}

}  // namespace
}  // namespace farebox
