#include "config/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace farebox {
namespace {

// What may stand behind the begin of a name: for exact tokenizers nothing or "-...", as
// gpt-4 says nothing of gpt-47; for estimates anything.
constexpr TokenizerOf exact(Encoding encoding) { return {"openai", encoding, true, 1000, 0}; }

constexpr TokenizerOf estimate(std::string_view family, std::uint32_t ratio, std::uint32_t error) {
  return {family, Encoding::o200k_base, false, ratio, error};
}

struct Rule {
  std::string_view begin;
  TokenizerOf tokenizer;
};

// The longest begin wins. Exact ones are facts of openai/tiktoken, tiktoken/model.py, and of
// the price table; the ratios are starting values: measured over recorded calls for Claude,
// Gemini, Mistral, DeepSeek, Cohere and Nova, else from the size of the vocabulary where it is
// known.
constexpr std::array kRules{
    Rule{"gpt-5", exact(Encoding::o200k_base)},
    Rule{"gpt-4.5", exact(Encoding::o200k_base)},
    Rule{"gpt-4.1", exact(Encoding::o200k_base)},
    Rule{"gpt-4o", exact(Encoding::o200k_base)},
    Rule{"chatgpt-4o", exact(Encoding::o200k_base)},
    Rule{"o1", exact(Encoding::o200k_base)},
    Rule{"o3", exact(Encoding::o200k_base)},
    Rule{"o4", exact(Encoding::o200k_base)},
    Rule{"gpt-oss", exact(Encoding::o200k_harmony)},
    Rule{"databricks-gpt-oss", exact(Encoding::o200k_harmony)},
    Rule{"gpt-4", exact(Encoding::cl100k_base)},
    Rule{"gpt-3.5", exact(Encoding::cl100k_base)},
    Rule{"gpt-35", exact(Encoding::cl100k_base)},
    Rule{"text-embedding-3", exact(Encoding::cl100k_base)},
    Rule{"text-embedding-ada-002", exact(Encoding::cl100k_base)},
    Rule{"davinci-002", exact(Encoding::cl100k_base)},
    Rule{"babbage-002", exact(Encoding::cl100k_base)},
    Rule{"text-davinci-003", exact(Encoding::p50k_base)},
    Rule{"text-davinci-002", exact(Encoding::p50k_base)},
    Rule{"code-davinci", exact(Encoding::p50k_base)},
    Rule{"code-cushman", exact(Encoding::p50k_base)},
    Rule{"text-davinci-edit", exact(Encoding::p50k_edit)},
    Rule{"code-davinci-edit", exact(Encoding::p50k_edit)},
    Rule{"text-davinci-001", exact(Encoding::r50k_base)},
    Rule{"text-curie", exact(Encoding::r50k_base)},
    Rule{"text-babbage", exact(Encoding::r50k_base)},
    Rule{"text-ada", exact(Encoding::r50k_base)},
    Rule{"gpt-2", exact(Encoding::gpt2)},
    Rule{"gpt2", exact(Encoding::gpt2)},
    // OpenAI says nothing of the vocabularies of these.
    Rule{"gpt-audio", estimate("openai", 1000, 50)},
    Rule{"gpt-realtime", estimate("openai", 1000, 50)},
    Rule{"gpt-image", estimate("openai", 1000, 50)},
    Rule{"codex-mini", estimate("openai", 1000, 50)},
    Rule{"computer-use", estimate("openai", 1000, 50)},
    Rule{"claude", estimate("anthropic", 1160, 250)},
    Rule{"claude-2", estimate("anthropic", 1530, 250)},
    Rule{"claude-instant", estimate("anthropic", 1530, 250)},
    Rule{"claude-opus-4-7", estimate("anthropic", 1410, 250)},
    Rule{"claude-opus-4-8", estimate("anthropic", 1410, 250)},
    Rule{"claude-opus-5", estimate("anthropic", 1410, 250)},
    Rule{"claude-sonnet-5", estimate("anthropic", 1410, 250)},
    Rule{"claude-haiku-5", estimate("anthropic", 1410, 250)},
    Rule{"gemini", estimate("gemini", 1080, 200)},
    Rule{"gemma", estimate("gemini", 1080, 200)},
    Rule{"mistral", estimate("mistral", 1050, 200)},
    Rule{"mixtral", estimate("mistral", 1300, 250)},
    Rule{"ministral", estimate("mistral", 1050, 200)},
    Rule{"magistral", estimate("mistral", 1050, 200)},
    Rule{"codestral", estimate("mistral", 1250, 250)},
    Rule{"devstral", estimate("mistral", 1050, 200)},
    Rule{"pixtral", estimate("mistral", 1050, 200)},
    Rule{"voxtral", estimate("mistral", 1050, 200)},
    Rule{"open-mi", estimate("mistral", 1250, 250)},
    Rule{"llama2", estimate("llama2", 1300, 250)},
    Rule{"llama-2", estimate("llama2", 1300, 250)},
    Rule{"llama", estimate("llama3", 1080, 150)},
    Rule{"meta-llama", estimate("llama3", 1080, 150)},
    Rule{"command", estimate("cohere", 1000, 200)},
    Rule{"c4ai", estimate("cohere", 1080, 200)},
    Rule{"aya", estimate("cohere", 1080, 200)},
    Rule{"deepseek", estimate("deepseek", 1030, 200)},
    Rule{"qwen", estimate("qwen", 1080, 150)},
    Rule{"qwq", estimate("qwen", 1080, 150)},
    Rule{"kimi", estimate("kimi", 1050, 200)},
    Rule{"moonshot", estimate("kimi", 1050, 200)},
    Rule{"glm", estimate("glm", 1050, 200)},
    Rule{"zai-glm", estimate("glm", 1050, 200)},
    Rule{"grok", estimate("grok", 1100, 250)},
    Rule{"nova", estimate("amazon", 1070, 250)},
    Rule{"titan", estimate("amazon", 1200, 300)},
};

constexpr auto kBegins = [] {
  std::array<std::string_view, kRules.size()> begins;
  for (std::size_t i = 0; i < kRules.size(); ++i) begins[i] = kRules[i].begin;
  return begins;
}();

bool matches(const Rule& rule, std::string_view name) {
  if (!name.starts_with(rule.begin)) return false;
  if (!rule.tokenizer.exact || name.size() == rule.begin.size()) return true;
  const char next = name[rule.begin.size()];
  return next == '-' || next == '.' || next == ':' || next == '@';
}

const TokenizerOf* longest_match(std::string_view name) {
  const Rule* best = nullptr;
  for (const Rule& rule : kRules) {
    if (matches(rule, name) && (best == nullptr || rule.begin.size() > best->begin.size())) {
      best = &rule;
    }
  }
  return best == nullptr ? nullptr : &best->tokenizer;
}

}  // namespace

const TokenizerOf* tokenizer_of(std::string_view model) {
  constexpr std::size_t kLongestName = 256;
  if (model.size() > kLongestName) return nullptr;
  std::string lower(model);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string_view name = lower;
  while (true) {
    if (const TokenizerOf* const found = longest_match(name)) return found;
    const std::size_t seam = name.find_first_of("/.:");
    if (seam == name.npos) return nullptr;
    name.remove_prefix(seam + 1);
  }
}

std::span<const std::string_view> known_models() { return kBegins; }

}  // namespace farebox
