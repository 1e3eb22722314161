#include "config/price_table.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace farebox {
namespace {

const PriceTable& bundled() {
  static const PriceTable table = [] {
    Result<PriceTable> loaded = PriceTable::bundled();
    EXPECT_TRUE(loaded) << loaded.error().context;
    return loaded ? *loaded : PriceTable();
  }();
  return table;
}

std::string id_of(const PriceCard* card) { return card == nullptr ? "" : card->id; }

struct Lookup {
  const char* provider;
  DialectName dialect;
  const char* model;
  const char* id;  // "": unknown
};

void expect_lookups(const PriceTable& table, std::initializer_list<Lookup> rows) {
  for (const Lookup& row : rows) {
    EXPECT_EQ(id_of(table.find(row.provider, row.dialect, row.model)), row.id)
        << row.provider << " " << row.model;
  }
}

constexpr auto kOpenai = DialectName::openai;
constexpr auto kAnthropic = DialectName::anthropic;
constexpr auto kGemini = DialectName::gemini;
constexpr auto kAzure = DialectName::azure;

TEST(PriceTable, LoadsTheBundledTable) {
  EXPECT_GE(bundled().size(), 2'700u);
  EXPECT_FALSE(bundled().version().empty());
}

TEST(PriceTable, EmptyTableKnowsNothing) {
  EXPECT_EQ(PriceTable().find("openai", kOpenai, "gpt-4o"), nullptr);
  EXPECT_EQ(PriceTable().size(), 0u);
}

TEST(PriceTable, FindsNamesAliasesAndSnapshots) {
  expect_lookups(bundled(), {
      {"openai", kOpenai, "gpt-4o", "openai/gpt-4o"},
      {"openai", kOpenai, "gpt-4o-2024-08-06", "openai/gpt-4o"},
      {"openai", kOpenai, "gpt-4o-2031-01-02", "openai/gpt-4o"},
      {"openai", kOpenai, "gpt-4o-mini", "openai/gpt-4o-mini"},
      {"openai", kOpenai, "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini"},
      {"openai", kOpenai, "GPT-4o-Mini", "openai/gpt-4o-mini"},
      {"openai", kOpenai, "text-embedding-ada-002-v2", "openai/text-embedding-ada-002-v2"},
      {"anthropic", kAnthropic, "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"},
      {"anthropic", kAnthropic, "claude-sonnet-4-6-20260301", "anthropic/claude-sonnet-4-6"},
      {"vertex", kAnthropic, "claude-sonnet-4-5@20250929", "vertex/claude-sonnet-4-5"},
      {"vertex", kAnthropic, "claude-opus-5@20260801", "vertex/claude-opus-5"},
      {"gemini", kGemini, "models/gemini-2.5-flash", "gemini/gemini-2.5-flash"},
      {"gemini", kGemini, "models/gemini-2.5-flash-preview-05-20",
       "gemini/gemini-2.5-flash-preview-05-20"},
      {"vertex", kGemini, "gemini-2.5-flash", "vertex/gemini-2.5-flash"},
      {"together", kOpenai, "meta-llama/Llama-3.3-70B-Instruct-Turbo",
       "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"},
      {"together", kOpenai, "meta-llama/llama-3.3-70b-instruct-turbo",
       "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"},
  });
}

// The first snapshot of gpt-4o costs twice as much as its successors.
TEST(PriceTable, KeepsSnapshotsApartThatCostSomethingElse) {
  expect_lookups(bundled(), {
      {"openai", kOpenai, "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"},
      {"azure", kAzure, "gpt-4o-2024-05-13", "azure/gpt-4o-2024-05-13"},
  });
}

TEST(PriceTable, NeverPicksAnotherModel) {
  expect_lookups(bundled(), {
      {"openai", kOpenai, "gpt-4o-audio", ""},
      {"openai", kOpenai, "gpt-4o-mini-something", ""},
      {"openai", kOpenai, "gpt-4", "openai/gpt-4"},
      {"openai", kOpenai, "gpt-4-5", ""},
      {"openai", kOpenai, "gpt-4o-2024-13-01", ""},
      {"openai", kOpenai, "gpt-4o-2024-00-01", ""},
      {"openai", kOpenai, "gpt-4o-1234-5678", ""},
      {"openai", kOpenai, "gpt-4o-12345678", ""},
      {"openai", kOpenai, "gpt-4o-2031-01-02-2031-01-02", ""},
      {"openai", kOpenai, "gpt-4o-audio-preview", "openai/gpt-4o-audio-preview"},
      {"openai", kOpenai, "models/models/gpt-4o", ""},
      {"openai", kOpenai, "ft:gpt-4o-2024-08-06:acme::id", "openai/ft:gpt-4o-2024-08-06"},
      {"openai", kOpenai, "openai/gpt-4o", "openai/gpt-4o"},
      {"openai", kOpenai, "dall-e-3#hd/1024-x-1024", ""},
      {"openai", kOpenai, "-2024-05-13", ""},
      {"openai", kOpenai, "models/", ""},
      {"openai", kOpenai, "", ""},
      {"openai", kOpenai, "claude-sonnet-4-5", ""},
      {"groq", kOpenai, "gpt-4o", ""},
  });
  EXPECT_EQ(bundled().find("openai", kOpenai, std::string(100'000, 'G')), nullptr);
  EXPECT_EQ(bundled().find(std::string(100'000, '-'), kOpenai, "gpt-5"),
            bundled().find("openai", kOpenai, "gpt-5"));
}

TEST(PriceTable, KnowsTheSellerByItsNameOrItsDialect) {
  expect_lookups(bundled(), {
      {"groq", kOpenai, "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"},
      {"together", kOpenai, "openai/gpt-oss-120b", "together/openai/gpt-oss-120b"},
      {"groq-eu", kOpenai, "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"},
      {"my_groq", kOpenai, "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"},
      {"openrouter", kOpenai, "openai/gpt-4o", "openrouter/openai/gpt-4o"},
      {"google", kGemini, "gemini-2.5-pro", "gemini/gemini-2.5-pro"},
      {"my-proxy", kOpenai, "gpt-4o", "openai/gpt-4o"},
      {"my-proxy", kAnthropic, "claude-opus-5", "anthropic/claude-opus-5"},
      {"my-proxy", kGemini, "gemini-2.5-pro", "gemini/gemini-2.5-pro"},
      // One maker sells it under this name.
      {"my-proxy", kOpenai, "deepseek-chat", "deepseek/deepseek-chat"},
      {"my-proxy", kOpenai, "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"},
      // Open weights have a price per host.
      {"vllm", kOpenai, "openai/gpt-oss-120b", ""},
      {"vllm", kOpenai, "meta-llama/Llama-3.3-70B-Instruct-Turbo", ""},
      {"groq-together", kOpenai, "openai/gpt-oss-120b", ""},
  });
}

TEST(PriceTable, LooksAtAzureThenAtOpenai) {
  expect_lookups(bundled(), {
      {"azure", kAzure, "gpt-4o-mini", "azure/gpt-4o-mini"},
      {"azure", kOpenai, "gpt-4o-mini", "azure/gpt-4o-mini"},
      {"azure-openai", kOpenai, "gpt-4o-mini", "azure/gpt-4o-mini"},
      {"openai", kAzure, "gpt-4o-mini", "azure/gpt-4o-mini"},
      {"west", kAzure, "gpt-4o-mini", "azure/gpt-4o-mini"},
      {"azure", kAzure, "chatgpt-4o-latest", "openai/chatgpt-4o-latest"},
      {"azure", kAzure, "grok-4", "azure/grok-4"},
      {"azure", kAzure, "grok-99", ""},
  });
}

TEST(PriceTable, FlagsModelsThatHaveVariants) {
  EXPECT_TRUE(bundled().find("openai", kOpenai, "dall-e-3")->has_variants);
  EXPECT_FALSE(bundled().find("openai", kOpenai, "gpt-4o")->has_variants);
}

PriceTable with(const PriceTable& table, const std::string& cards) {
  const Result<PriceTable> result = table.extended(
      R"({"schema":1,"version":"x","models":[)" + cards + "]}", "mine.json");
  EXPECT_TRUE(result) << result.error().context;
  return result ? *result : PriceTable();
}

TEST(PriceTable, FileReplacesByIdAndAdds) {
  const PriceTable table = with(bundled(), R"(
      {"provider":"openai","model":"gpt-4o","input":"9","output":"99"},
      {"provider":"my-proxy","model":"house-model","input":"1","output":"1"},
      {"provider":"groq","model":"new","aliases":["llama-3.1-8b-instant"],"input":"7"})");
  EXPECT_EQ(table.size(), bundled().size() + 2);
  EXPECT_NE(table.version(), bundled().version());
  const PriceCard* card = table.find("openai", kOpenai, "gpt-4o");
  EXPECT_EQ(card->rates[0].of(TokenClass::input), 9'000'000'000'000);
  expect_lookups(table, {
      {"my-proxy", kOpenai, "house-model", "my-proxy/house-model"},
      {"my-proxy", kOpenai, "gpt-4o", "openai/gpt-4o"},
      {"other", kOpenai, "house-model", ""},
      // The file's names win over the bundled ones.
      {"groq", kOpenai, "llama-3.1-8b-instant", "groq/new"},
      {"openai", kOpenai, "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"},
  });
  EXPECT_EQ(bundled().find("openai", kOpenai, "gpt-4o")->rates[0].of(TokenClass::input),
            2'500'000'000'000);
}

TEST(PriceTable, RefusesOneNameForTwoCards) {
  const char* rows[] = {
      R"({"provider":"a","model":"m","aliases":["x"],"input":"1"},
         {"provider":"a","model":"n","aliases":["x"],"input":"1"})",
      R"({"provider":"a","id":"a/1","model":"m","input":"1"},
         {"provider":"a","id":"a/2","model":"m","input":"1"})",
  };
  for (const char* cards : rows) {
    const Result<PriceTable> table =
        PriceTable::parse(R"({"schema":1,"models":[)" + std::string(cards) + "]}", "mine.json");
    ASSERT_FALSE(table);
    EXPECT_NE(table.error().context.find("mine.json"), std::string::npos);
    EXPECT_NE(table.error().context.find("two cards"), std::string::npos);
  }
}

TEST(PriceTable, OverridesComeFirst) {
  const Result<PriceTable> table = bundled().overridden({
      {"gpt-4o", R"({"input":"1.5","output":"6"})"},
      {"llama", R"({"provider":"vllm","input":"0","output":"0"})"},
      {"gpt-4.1", R"({"provider":"azure","input":"8","output":"8"})"},
  });
  ASSERT_TRUE(table) << table.error().context;
  EXPECT_TRUE(table->version().starts_with(bundled().version()));
  EXPECT_NE(table->version(), bundled().version());
  expect_lookups(*table, {
      {"openai", kOpenai, "gpt-4o", "*/gpt-4o"},
      {"azure", kAzure, "gpt-4o", "*/gpt-4o"},
      {"vllm", kOpenai, "gpt-4o", "*/gpt-4o"},
      {"openai", kOpenai, "gpt-4o-mini", "openai/gpt-4o-mini"},
      // The names that shared the hidden card go with it, other snapshots don't.
      {"openai", kOpenai, "gpt-4o-2024-08-06", "*/gpt-4o"},
      {"openai", kOpenai, "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"},
      {"vllm", kOpenai, "llama", "vllm/llama"},
      {"openai", kOpenai, "llama", ""},
      {"azure", kAzure, "gpt-4.1-2025-04-14", "azure/gpt-4.1"},
      {"openai", kOpenai, "gpt-4.1", "openai/gpt-4.1"},
  });
  const PriceCard* card = table->find("azure", kAzure, "gpt-4.1");
  EXPECT_EQ(card->rates[0].of(TokenClass::input), 8'000'000'000'000);
  EXPECT_EQ(table->find("openai", kOpenai, "gpt-4o")->context_window, 128'000u);
  EXPECT_EQ(table->find("openai", kOpenai, "gpt-4o")->tokenizer, "o200k_base");
}

TEST(PriceTable, OverridesOfDifferentPricesHaveDifferentVersions) {
  const auto version = [](const char* json) {
    return std::string(bundled().overridden({{"gpt-4o", json}})->version());
  };
  EXPECT_EQ(version(R"({"input":"1"})"), version(R"({"input":"1"})"));
  EXPECT_NE(version(R"({"input":"1"})"), version(R"({"input":"2"})"));
}

TEST(LoadPrices, LaysFileAndOverridesOverTheBundledTable) {
  const std::string path = testing::TempDir() + "/farebox_prices_test.json";
  std::ofstream(path)
      << R"({"schema":1,"models":[{"provider":"openai","model":"gpt-4o","input":"9"}]})";
  PriceSettings settings;
  settings.file = path;
  settings.overrides["gpt-4o-mini"] = R"({"input":"3"})";
  const Result<PriceTable> table = load_prices(settings);
  ASSERT_TRUE(table) << table.error().context;
  EXPECT_EQ(table->find("openai", kOpenai, "gpt-4o")->rates[0].of(TokenClass::input),
            9'000'000'000'000);
  EXPECT_EQ(table->find("openai", kOpenai, "gpt-4o-mini")->rates[0].of(TokenClass::input),
            3'000'000'000'000);

  settings.overrides["gpt-4o-mini"] = "{}";
  EXPECT_FALSE(load_prices(settings));
  settings.overrides.clear();
  settings.file = path + ".missing";
  const Result<PriceTable> missing = load_prices(settings);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().context.find("prices.file"), std::string::npos);
  std::remove(path.c_str());
}

// The file in the tree is the one in the program.
TEST(BundledPrices, AreTheFileOfTheTree) {
  std::ifstream stream(FAREBOX_SOURCE_DIR "/config/prices.json");
  std::stringstream text;
  text << stream.rdbuf();
  const Result<PriceTable> table = PriceTable::parse(text.str(), "config/prices.json");
  ASSERT_TRUE(table) << table.error().context;
  EXPECT_EQ(table->version(), bundled().version());
  EXPECT_EQ(table->size(), bundled().size());
}

}  // namespace
}  // namespace farebox
