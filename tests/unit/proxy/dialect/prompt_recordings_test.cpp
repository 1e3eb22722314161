// Counted prompts against what providers reported for them, over all recordings: prints how
// far off they are, by what the requests ask for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "config/tokenizer.hpp"
#include "proxy/dialect/prompt_count.hpp"
#include "tests/unit/proxy/dialect/recordings.hpp"

namespace farebox {
namespace {

using testing::Recording;

const std::vector<std::string> kProviders = {"openai",   "azure",  "openrouter", "bedrock", "groq",
                                             "cerebras", "ollama", "vercel-gateway"};

// Recordings whose reported tokens aren't those of their request, and why. `expected` is the
// begin of the recording's id.
struct Odd {
  std::string_view id;
  std::string_view why;
};
constexpr Odd kOddTexts[] = {
    {"@@", ""},
};

struct Counted {
  const Recording* recording;
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
  if (recording.api == "openai.chat") return Endpoint::chat_completions;
  if (recording.api == "openai.responses") return Endpoint::responses;
  if (recording.api == "openai.completions") return Endpoint::completions;
  if (recording.api == "openai.embeddings") return Endpoint::embeddings;
  return std::nullopt;
}

std::string model_of(const Recording& recording) {
  return recording.expected.model.value_or(recording.request_model.value_or(""));
}

// Where the response names only a family, as davinci for davinci-002.
std::optional<Encoding> encoding_of(std::string model) {
  if (const auto colon = model.find(":20"); colon != model.npos) model.resize(colon);
  if (model == "davinci" || model == "babbage") model += "-002";
  const std::size_t slash = model.rfind('/');
  if (slash != model.npos) model.erase(0, slash + 1);
  if (model.starts_with("openai.")) model.erase(0, 7);
  const TokenizerOf* const tokenizer = tokenizer_of(model);
  if (tokenizer == nullptr || !tokenizer->exact) return std::nullopt;
  return tokenizer->encoding;
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
    recordings_ = new std::vector<Recording>(testing::all_recordings(kProviders));
    counted_ = new std::vector<Counted>;
    Counters counters;
    for (const Recording& recording : *recordings_) {
      const auto endpoint = endpoint_of(recording);
      const auto encoding = encoding_of(model_of(recording));
      if (!endpoint || !encoding || recording.request_body.empty()) continue;
      if (!recording.expected.input) continue;
      TokenCounter* const counter = counters.of(*encoding);
      if (counter == nullptr) continue;
      counted_->push_back({&recording,
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
    auto& [off, within] = groups[one.count.doubt];
    off.push_back(one.off());
    within += one.within(0.02) ? 1 : 0;
  }
  std::printf("reported less counted tokens, by doubt\n%-14s %5s %6s %6s | %7s %5s %5s %5s %7s\n",
              "", "all", "exact", "in 2%", "least", "5%", "50%", "95%", "most");
  for (auto& [doubt, group] : groups) print_row(name_of(doubt), group.first, group.second);
  if (std::getenv("FAREBOX_SHOW_PROMPTS") == nullptr) return;
  for (const Counted& one : *counted_) {
    if (one.off() == 0) continue;
    std::printf("%s %s %s %s reported %llu off %lld (%s)\n", one.recording->id.c_str(),
                std::string(name_of(one.count.doubt)).c_str(), one.recording->api.c_str(),
                model_of(*one.recording).c_str(), static_cast<unsigned long long>(one.reported),
                static_cast<long long>(one.off()), one.recording->provider.c_str());
  }
}

}  // namespace
}  // namespace farebox
