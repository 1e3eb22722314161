// Counted prompts against what providers reported for them, over all recordings: prints how
// far off they are, by what the requests ask for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>

#include "config/tokenizer.hpp"
#include "proxy/dialect/prompt_count.hpp"
#include "tests/unit/proxy/dialect/recordings.hpp"

namespace farebox {
namespace {

using testing::Recording;

const std::vector<std::string> kProviders = {
    "openai", "azure",   "openrouter", "bedrock",  "groq",        "cerebras", "ollama",
    "xai",    "mistral", "vertex",     "deepseek", "huggingface", "cohere",   "vercel-gateway",
    "gemini", "zai",     "anthropic",  "moonshot", "together",    "databricks"};

// Recordings whose reported tokens aren't those of their request, or of a request that is
// put together in another way, and why.
struct Odd {
  std::string_view id;
  std::string_view why;
};
constexpr std::string_view kFirstWeeks =
    "March 2025: in its first weeks the Responses API added tokens of its own";
constexpr std::string_view kAnotherRequest = "the published request isn't the one that was sent";
constexpr std::string_view kMadeUp = "the answer was written by hand";
constexpr std::string_view kReportsNothing = "the answer says 0";
constexpr std::string_view kGateway = "the seller puts another request together";

constexpr Odd kOddTexts[] = {
    {"054fc60d9855feee5d7f", kFirstWeeks},     {"3ce58929a7d12f6ff519", kFirstWeeks},
    {"1ee903bd215bc6a2678a", kFirstWeeks},     {"53ef9526273605f8312c", kFirstWeeks},
    {"c1c8ec12c005486fc19f", kAnotherRequest},  // answered with a call of a tool it hasn't
    {"d49e07f6714123c7dc6d", kAnotherRequest},  // 134 tokens of text, 100 reported
    {"3d66330d65d2509df98e", kAnotherRequest},  // a fetched file that has changed since
    {"7858bcba6d8622268a83", kMadeUp},          // resp_1234
    {"8b39f895cc33cabe7c3a", kMadeUp},          // resp_sys_instr_001
    {"b1b4fd21555fbd1715d7", kReportsNothing},
};

constexpr Odd kOddTools[] = {
    {"21d16ba1b6fbac0d6782", kFirstWeeks},
    {"258de5d47d6f2e2973b8", kFirstWeeks},
    {"45c29b2b536726622815", kFirstWeeks},
    {"469f2113691575f96f60", kFirstWeeks},
    {"4b75c0a3e846bf63e3fa", kFirstWeeks},
    {"74a998fa894e61342770", kFirstWeeks},
    {"8c7ac9e5f487754a05fd", kFirstWeeks},
    {"608f40ec229b187eee13", kMadeUp},  // chatcmpl-ai-guard-test
    {"8040511ba83df2098614", kAnotherRequest},  // 36 tokens with a tool, 73 without
    {"a649e953ddf1c63c2847", kReportsNothing},
    {"ab001c10d2346aa345db", kReportsNothing},
    {"9291bf32071f6935479d", kGateway},  // gpt-5 without the chat API's own 82 tokens
    {"d1ec764b75b2c44fb795", kGateway},
    {"f37bcfc786a3a431daf7", kGateway},
    {"3694c7407148d4716e4d", kGateway},
    {"84a1f501f535ffded47a", kGateway},
    {"20e009f23dc34163044f", "32 more tokens than its only tool explains"},
    {"ebd4b49caebc134e1df7", "gpt-3.5 with tool_choice required: 2 more"},
    {"f0db88ad01ecfe507c78", "gpt-4-0613 wasn't shown titles: 10 fewer"},
    {"fed91b812134856e07a7", "o4-mini: 3 more than the same request at Azure"},
    {"de2e6b0e1356c97c8e15", "a kept call that costs as much as one that isn't: 3 fewer"},
};

template <std::size_t kSize>
std::string_view why_odd(const Odd (&odd)[kSize], std::string_view id) {
  for (const Odd& one : odd) {
    if (one.id == id) return one.why;
  }
  return {};
}

struct Counted {
  const Recording* recording;
  const TokenizerOf* tokenizer;
  PromptCount count;
  std::uint64_t reported;

  std::int64_t off() const {
    return static_cast<std::int64_t>(reported) - static_cast<std::int64_t>(count.tokens);
  }
  bool within(double share) const {
    return std::abs(static_cast<double>(off())) <= share * static_cast<double>(reported);
  }
};

std::optional<Endpoint> endpoint_of(const Recording& recording) {
  if (recording.api == "openai.chat" || recording.api == "mistral.chat") {
    return Endpoint::chat_completions;
  }
  if (recording.api == "openai.responses") return Endpoint::responses;
  if (recording.api == "openai.completions") return Endpoint::completions;
  if (recording.api == "openai.embeddings") return Endpoint::embeddings;
  if (recording.api == "anthropic.messages") return Endpoint::messages;
  if (recording.api == "gemini.generateContent") return Endpoint::generate_content;
  if (recording.api == "gemini.streamGenerateContent") return Endpoint::generate_content;
  if (recording.api == "bedrock.converse") return Endpoint::converse;
  if (recording.api == "bedrock.invoke") return Endpoint::invoke;
  if (recording.api == "cohere.chat" || recording.api == "ollama.chat") return Endpoint::chat;
  return std::nullopt;
}

std::string model_of(const Recording& recording) {
  return recording.expected.model.value_or(recording.request_model.value_or(""));
}

// The tokenizer of a model; null: unknown. Responses may name davinci-002 as "davinci:2023-07-21".
const TokenizerOf* tokenizer_for(std::string model) {
  if (const auto colon = model.find(":20"); colon != model.npos) model.resize(colon);
  if (model == "davinci" || model == "babbage") model += "-002";
  return tokenizer_of(model);
}

class Counters {
 public:
  TokenCounter* of(Encoding encoding) {
    auto found = counters_.find(encoding);
    if (found == counters_.end()) {
      auto counter = TokenCounter::make(encoding);
      if (!counter) return nullptr;
      found = counters_.emplace(encoding, std::move(*counter)).first;
    }
    return &found->second;
  }

 private:
  std::map<Encoding, TokenCounter> counters_;
};

class PromptRecordings : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    recordings_ = new std::vector<Recording>(testing::all_recordings());
    std::erase_if(*recordings_, [](const Recording& recording) {
      return std::find(kProviders.begin(), kProviders.end(), recording.provider) == kProviders.end();
    });
    counted_ = new std::vector<Counted>;
    Counters counters;
    for (const Recording& recording : *recordings_) {
      const auto endpoint = endpoint_of(recording);
      const TokenizerOf* const tokenizer = tokenizer_for(model_of(recording));
      if (!endpoint || tokenizer == nullptr || recording.request_body.empty()) continue;
      if (!recording.expected.input) continue;
      TokenCounter* const counter = counters.of(tokenizer->encoding);
      if (counter == nullptr) continue;
      counted_->push_back({&recording, tokenizer,
                           count_prompt(*endpoint, model_of(recording), recording.request_body,
                                        *counter),
                           static_cast<std::uint64_t>(*recording.expected.input)});
    }
  }
  static void TearDownTestSuite() {
    delete counted_;
    delete recordings_;
  }
  void SetUp() override {
    if (recordings_->empty()) GTEST_SKIP() << "no recordings: set FAREBOX_FACTS_DIR";
    if (counted_->empty()) GTEST_SKIP() << "no vocabularies in this build: ./dev setup";
  }

  static std::vector<Recording>* recordings_;
  static std::vector<Counted>* counted_;
};

std::vector<Recording>* PromptRecordings::recordings_ = nullptr;
std::vector<Counted>* PromptRecordings::counted_ = nullptr;

void print_row(std::string_view group, std::vector<std::int64_t> off, std::size_t within) {
  std::sort(off.begin(), off.end());
  const auto at = [&](double share) {
    return static_cast<long long>(
        off[static_cast<std::size_t>(share * static_cast<double>(off.size() - 1))]);
  };
  const auto exact = std::count(off.begin(), off.end(), 0);
  std::printf("%-14.*s %5zu %6lld %6zu | %7lld %5lld %5lld %5lld %7lld\n",
              static_cast<int>(group.size()), group.data(), off.size(),
              static_cast<long long>(exact), within, at(0), at(0.05), at(0.5), at(0.95), at(1));
}

TEST_F(PromptRecordings, DistributionOfTheErrorIsPrinted) {
  std::map<PromptDoubt, std::pair<std::vector<std::int64_t>, std::size_t>> groups;
  for (const Counted& one : *counted_) {
    if (!one.tokenizer->exact) continue;
    auto& [off, within] = groups[one.count.doubt];
    off.push_back(one.off());
    within += one.within(0.02) ? 1 : 0;
  }
  std::printf("reported less counted tokens, by doubt\n%-14s %5s %6s %6s | %7s %5s %5s %5s %7s\n",
              "", "all", "exact", "in 2%", "least", "5%", "50%", "95%", "most");
  for (auto& [doubt, group] : groups) print_row(name_of(doubt), group.first, group.second);
  if (std::getenv("FAREBOX_SHOW_PROMPTS") == nullptr) return;
  for (const Counted& one : *counted_) {
    if (one.off() == 0 || !one.tokenizer->exact) continue;
    std::printf("%s %s %s %s reported %llu off %lld (%s)\n", one.recording->id.c_str(),
                std::string(name_of(one.count.doubt)).c_str(), one.recording->api.c_str(),
                model_of(*one.recording).c_str(), static_cast<unsigned long long>(one.reported),
                static_cast<long long>(one.off()), one.recording->provider.c_str());
  }
}

TEST_F(PromptRecordings, BoundsAreNeverTooLow) {
  std::map<Encoding, TokenCounter> bounding;
  std::uint64_t octets = 0, bounds = 0, tokens = 0, of_text = 0;
  for (const Counted& one : *counted_) {
    if (!one.tokenizer->exact) continue;
    const Encoding encoding = one.tokenizer->encoding;
    TokenCounter& counter =
        bounding.try_emplace(encoding, *TokenCounter::make_bounding(encoding)).first->second;
    const std::string& body = one.recording->request_body;
    const PromptBound bound =
        bound_prompt(*endpoint_of(*one.recording), model_of(*one.recording), body, counter);
    EXPECT_EQ(bound.from_text, one.count.exact()) << one.recording->id;
    EXPECT_LE(bound.tokens, body.size()) << one.recording->id;
    if (!bound.from_text) continue;
    EXPECT_GE(bound.tokens, one.count.tokens) << one.recording->id;
    ++of_text;
    octets += body.size();
    bounds += bound.tokens;
    tokens += one.count.tokens;
  }
  std::printf("%llu texts alone: %llu octets, bounded by %llu tokens, which are %llu\n",
              static_cast<unsigned long long>(of_text), static_cast<unsigned long long>(octets),
              static_cast<unsigned long long>(bounds), static_cast<unsigned long long>(tokens));
}

// Starting values for models whose vocabulary isn't public: what is reported for a thousand
// tokens counted, by family, of texts long enough to tell.
TEST_F(PromptRecordings, RatiosOfOtherFamiliesArePrinted) {
  struct Family {
    std::vector<double> ratios;
    double counted = 0;
    double reported = 0;
    std::uint32_t assumed = 0;
  };
  std::map<std::string, Family> families;
  for (const Counted& one : *counted_) {
    if (one.tokenizer->exact || one.count.doubt != PromptDoubt::model) continue;
    if (one.count.tokens < 60 || one.count.parts.tools + one.count.parts.calls != 0) continue;
    Family& family = families[std::string(one.tokenizer->family)];
    family.ratios.push_back(1000 * static_cast<double>(one.reported) /
                            static_cast<double>(one.count.tokens));
    family.counted += static_cast<double>(one.count.tokens);
    family.reported += static_cast<double>(one.reported);
    family.assumed = one.tokenizer->ratio;
  }
  std::printf("reported for 1000 counted\n%-12s %5s %6s %6s %6s %6s %8s\n", "", "all", "least",
              "50%", "most", "sum", "assumed");
  for (auto& [name, family] : families) {
    std::sort(family.ratios.begin(), family.ratios.end());
    std::printf("%-12s %5zu %6.0f %6.0f %6.0f %6.0f %8u\n", name.c_str(), family.ratios.size(),
                family.ratios.front(), family.ratios[family.ratios.size() / 2],
                family.ratios.back(), 1000 * family.reported / family.counted, family.assumed);
  }
}

TEST_F(PromptRecordings, TextAloneIsExact) {
  std::size_t exact = 0;
  for (const Counted& one : *counted_) {
    if (!one.count.exact() || !one.tokenizer->exact) continue;
    const bool odd = !why_odd(kOddTexts, one.recording->id).empty();
    EXPECT_EQ(one.off() != 0, odd) << one.recording->id << " reported " << one.reported
                                   << ", counted " << one.count.tokens;
    exact += one.off() == 0 ? 1 : 0;
  }
  EXPECT_GT(exact, 400u);
}

TEST_F(PromptRecordings, ToolsAreWithinTwoPercent) {
  std::size_t within = 0;
  for (const Counted& one : *counted_) {
    if (one.count.doubt != PromptDoubt::tools || !one.tokenizer->exact) continue;
    const bool odd = !why_odd(kOddTools, one.recording->id).empty();
    EXPECT_EQ(!one.within(0.02), odd) << one.recording->id << " reported " << one.reported
                                      << ", counted " << one.count.tokens;
    within += one.within(0.02) ? 1 : 0;
  }
  EXPECT_GT(within, 300u);
}

TEST_F(PromptRecordings, SchemasForAnswersAreMostlyWithinTwoPercent) {
  std::size_t all = 0;
  std::size_t within = 0;
  for (const Counted& one : *counted_) {
    if (one.count.doubt != PromptDoubt::format) continue;
    ++all;
    within += one.within(0.02) ? 1 : 0;
    EXPECT_TRUE(one.within(0.05)) << one.recording->id;
  }
  EXPECT_GT(within * 10, all * 9);
}

}  // namespace
}  // namespace farebox
