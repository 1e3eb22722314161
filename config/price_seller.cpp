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
    {"aws", "bedrock", Trade::host},
    {"xai", "xai", Trade::maker},
    {"zai", "zai", Trade::maker},
    {"grok", "xai", Trade::maker},
    {"groq", "groq", Trade::host},
    {"kimi", "moonshot", Trade::maker},
    {"azure", "azure", Trade::host},
    {"claude", "anthropic", Trade::maker},
    {"cohere", "cohere", Trade::maker},
    {"gemini", "gemini", Trade::maker},
    {"google", "gemini", Trade::maker},
    {"ollama", "ollama", Trade::host},
    {"openai", "openai", Trade::maker},
    {"vertex", "vertex", Trade::host},
    {"voyage", "voyage", Trade::maker},
    {"bedrock", "bedrock", Trade::host},
    {"mistral", "mistral", Trade::maker},
    {"cerebras", "cerebras", Trade::host},
    {"deepseek", "deepseek", Trade::maker},
    {"moonshot", "moonshot", Trade::maker},
    {"together", "together", Trade::host},
    {"vertexai", "vertex", Trade::host},
    {"voyageai", "voyage", Trade::maker},
    {"anthropic", "anthropic", Trade::maker},
    {"fireworks", "fireworks", Trade::host},
    {"mistralai", "mistral", Trade::maker},
    {"moonshotai", "moonshot", Trade::maker},
    {"openrouter", "openrouter", Trade::host},
    {"perplexity", "perplexity", Trade::maker},
    {"togetherai", "together", Trade::host},
};
constexpr std::size_t kLongestWord = 10;

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
  if (text.size() > kLongestWord) return nullptr;
  for (std::size_t i = kFirstOfLength[text.size()]; i < kFirstOfLength[text.size() + 1]; ++i) {
    if (kWords[i].word == text) return &kWords[i];
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
  return sellers;
}

bool is_maker(std::string_view seller) {
  const Word* word = find_word(seller);
  return word != nullptr && word->seller == seller && word->trade == Trade::maker;
}

}  // namespace farebox
