#include "config/price_seller.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace farebox {

namespace {

enum class Trade : std::uint8_t { maker, host };

struct Word {
  std::string_view word;    // as people name a provider
  std::string_view seller;  // as the price table does
  Trade trade;
};

// By length, so that a look-up compares with a few words only.
constexpr Word kWords[] = {
    {"hf", "huggingface", Trade::host},
    {"v0", "v0", Trade::host},
    {"aws", "bedrock", Trade::host},
    {"bfl", "black-forest-labs", Trade::host},
    {"fal", "fal-ai", Trade::host},
    {"gmi", "gmi", Trade::host},
    {"oci", "oci", Trade::host},
    {"ovh", "ovhcloud", Trade::host},
    {"xai", "xai", Trade::maker},
    {"zai", "zai", Trade::maker},
    {"ai21", "ai21", Trade::host},
    {"aiml", "aiml", Trade::host},
    {"grok", "xai", Trade::maker},
    {"groq", "groq", Trade::host},
    {"jina", "jina-ai", Trade::host},
    {"kimi", "moonshot", Trade::maker},
    {"x-ai", "xai", Trade::maker},
    {"z-ai", "zai", Trade::maker},
    {"azure", "azure", Trade::host},
    {"wandb", "wandb", Trade::host},
    {"claude", "anthropic", Trade::maker},
    {"cohere", "cohere", Trade::maker},
    {"crusoe", "crusoe", Trade::host},
    {"fal-ai", "fal-ai", Trade::host},
    {"gemini", "gemini", Trade::maker},
    {"google", "gemini", Trade::maker},
    {"heroku", "heroku", Trade::host},
    {"lambda", "lambda-ai", Trade::host},
    {"nebius", "nebius", Trade::host},
    {"novita", "novita", Trade::host},
    {"nscale", "nscale", Trade::host},
    {"ollama", "ollama", Trade::host},
    {"openai", "openai", Trade::maker},
    {"sarvam", "sarvam", Trade::host},
    {"soniox", "soniox", Trade::host},
    {"tavily", "tavily", Trade::host},
    {"vercel", "vercel-gateway", Trade::host},
    {"vertex", "vertex", Trade::host},
    {"voyage", "voyage", Trade::maker},
    {"alibaba", "alibaba", Trade::host},
    {"baseten", "baseten", Trade::host},
    {"bedrock", "bedrock", Trade::host},
    {"copilot", "github-copilot", Trade::host},
    {"jina-ai", "jina-ai", Trade::host},
    {"minimax", "minimax", Trade::host},
    {"mistral", "mistral", Trade::maker},
    {"recraft", "recraft", Trade::host},
    {"reducto", "reducto", Trade::host},
    {"tencent", "tencent", Trade::host},
    {"watsonx", "watsonx", Trade::host},
    {"anyscale", "anyscale", Trade::host},
    {"azure-ai", "azure", Trade::host},
    {"azure_ai", "azure", Trade::host},
    {"cerebras", "cerebras", Trade::host},
    {"deepgram", "deepgram", Trade::host},
    {"deepseek", "deepseek", Trade::maker},
    {"gigachat", "gigachat", Trade::host},
    {"libertai", "libertai", Trade::host},
    {"moonshot", "moonshot", Trade::maker},
    {"ovhcloud", "ovhcloud", Trade::host},
    {"publicai", "publicai", Trade::host},
    {"runwayml", "runwayml", Trade::host},
    {"scaleway", "scaleway", Trade::host},
    {"together", "together", Trade::host},
    {"vertexai", "vertex", Trade::host},
    {"voyageai", "voyage", Trade::maker},
    {"anthropic", "anthropic", Trade::maker},
    {"dashscope", "alibaba", Trade::host},
    {"deepinfra", "deepinfra", Trade::host},
    {"fireworks", "fireworks", Trade::host},
    {"inception", "inception", Trade::host},
    {"lambda-ai", "lambda-ai", Trade::host},
    {"llamagate", "llamagate", Trade::host},
    {"mistralai", "mistral", Trade::maker},
    {"replicate", "replicate", Trade::host},
    {"sagemaker", "sagemaker", Trade::host},
    {"sambanova", "sambanova", Trade::host},
    {"snowflake", "snowflake", Trade::host},
    {"stability", "stability", Trade::host},
    {"vertex-ai", "vertex", Trade::host},
    {"vertex_ai", "vertex", Trade::host},
    {"ai-gateway", "vercel-gateway", Trade::host},
    {"assemblyai", "assemblyai", Trade::host},
    {"cloudflare", "cloudflare", Trade::host},
    {"databricks", "databricks", Trade::host},
    {"elevenlabs", "elevenlabs", Trade::host},
    {"friendliai", "friendliai", Trade::host},
    {"hyperbolic", "hyperbolic", Trade::host},
    {"moonshotai", "moonshot", Trade::maker},
    {"openrouter", "openrouter", Trade::host},
    {"perplexity", "perplexity", Trade::maker},
    {"tensormesh", "tensormesh", Trade::host},
    {"togetherai", "together", Trade::host},
    {"volcengine", "volcengine", Trade::host},
    {"amazon-nova", "amazon-nova", Trade::host},
    {"featherless", "featherless-ai", Trade::host},
    {"gradient-ai", "gradient-ai", Trade::host},
    {"huggingface", "huggingface", Trade::host},
    {"together_ai", "together", Trade::host},
    {"fireworks_ai", "fireworks", Trade::host},
    {"stability-ai", "stability", Trade::host},
    {"bedrock-mantle", "bedrock-mantle", Trade::host},
    {"featherless-ai", "featherless-ai", Trade::host},
    {"github-copilot", "github-copilot", Trade::host},
    {"github_copilot", "github-copilot", Trade::host},
    {"vercel-gateway", "vercel-gateway", Trade::host},
    {"black-forest-labs", "black-forest-labs", Trade::host},
    {"vercel_ai_gateway", "vercel-gateway", Trade::host},
};
constexpr std::size_t kLongestWord = 17;

// Where the words of each length begin; the last entry is the end.
constexpr auto kFirstOfLength = [] {
  std::array<std::uint8_t, kLongestWord + 2> first{};
  std::size_t length = 0;
  for (std::size_t i = 0; i < std::size(kWords); ++i) {
    for (; length <= kWords[i].word.size(); ++length) first[length] = static_cast<std::uint8_t>(i);
  }
  first[length] = static_cast<std::uint8_t>(std::size(kWords));
  return first;
}();
static_assert(std::end(kWords)[-1].word.size() == kLongestWord);
static_assert(std::ranges::is_sorted(kWords, {}, [](const Word& w) { return w.word.size(); }));

const Word* find_word(std::string_view text) {
  if (text.empty() || text.size() > kLongestWord) return nullptr;
  const char first = text.front();
  for (std::size_t i = kFirstOfLength[text.size()]; i < kFirstOfLength[text.size() + 1]; ++i) {
    if (kWords[i].word.front() == first && kWords[i].word == text) return &kWords[i];
  }
  return nullptr;
}

// The seller that a part of `provider` names, or empty.
std::string_view seller_in(std::string_view provider) {
  std::string_view found[2];  // by trade
  bool several[2] = {false, false};
  std::string_view rest = provider;
  while (!rest.empty()) {
    const std::size_t end = rest.find_first_of("-_.");
    if (const Word* word = find_word(rest.substr(0, end))) {
      const auto trade = static_cast<std::size_t>(word->trade);
      if (!found[trade].empty() && found[trade] != word->seller) several[trade] = true;
      found[trade] = word->seller;
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  const auto host = static_cast<std::size_t>(Trade::host);
  const auto maker = static_cast<std::size_t>(Trade::maker);
  if (!found[host].empty()) return several[host] ? std::string_view() : found[host];
  return several[maker] ? std::string_view() : found[maker];
}

std::string_view home_of(DialectName dialect) {
  switch (dialect) {
    case DialectName::openai: return "openai";
    case DialectName::anthropic: return "anthropic";
    case DialectName::gemini: return "gemini";
    case DialectName::azure: return "azure";
    case DialectName::mistral: return "mistral";
    case DialectName::cohere: return "cohere";
    case DialectName::bedrock: return "bedrock";
    case DialectName::ollama: return "ollama";
  }
  return {};
}

}  // namespace

Sellers sellers_of(std::string_view provider, DialectName dialect) {
  const bool dialect_decides = dialect == DialectName::azure || dialect == DialectName::bedrock ||
                               dialect == DialectName::ollama;
  const Word* whole = find_word(provider);
  std::string_view seller;
  if (!dialect_decides) seller = whole != nullptr ? whole->seller : seller_in(provider);

  Sellers sellers;
  sellers.named = dialect_decides || !seller.empty();
  if (seller.empty()) seller = home_of(dialect);
  if (whole == nullptr) sellers.names[0] = provider;
  sellers.names[1] = seller;
  if (seller == "azure") sellers.names[2] = "openai";
  if (seller == "bedrock") sellers.names[2] = "bedrock-mantle";
  return sellers;
}

std::string_view seller_of_word(std::string_view word) {
  const Word* known = find_word(word);
  return known == nullptr ? std::string_view() : known->seller;
}

bool is_open(std::string_view model) {
  for (const std::string_view family :
       {"gemma", "llama", "codellama", "mistral-7b", "mixtral", "open-", "pixtral", "devstral",
        "ministral", "magistral-small", "gpt-oss", "deepseek-r", "deepseek-v", "deepseek-coder",
        "kimi-k", "glm-", "search"}) {
    if (model.starts_with(family)) return true;
  }
  return false;
}

bool is_maker(std::string_view seller) {
  const Word* word = find_word(seller);
  return word != nullptr && word->seller == seller && word->trade == Trade::maker;
}

}  // namespace farebox
