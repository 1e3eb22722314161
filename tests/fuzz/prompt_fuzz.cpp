// Counting the prompts of any bodies: the first octet picks the endpoint, the second the model.
// The parts must be the whole, and the same body the same count.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/dialect/prompt_count.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace farebox;
  static std::optional<TokenCounter> counter = TokenCounter::make(Encoding::o200k_base);
  if (!counter || size < 2) return 0;
  constexpr std::string_view kModels[] = {"gpt-4o", "o3", "gpt-5", "gpt-5.4", "gpt-oss-20b", "m"};
  const auto endpoint =
      static_cast<Endpoint>(data[0] % (static_cast<int>(Endpoint::described) + 1));
  const std::string_view model = kModels[data[1] % std::size(kModels)];
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const PromptCount count = count_prompt(endpoint, model, body, *counter);
  const PromptParts& parts = count.parts;
  const std::uint64_t sum = parts.text + parts.marks + parts.calls + parts.tools + parts.format +
                            parts.images + parts.reasoning;
  if (sum != count.tokens) std::abort();
  if (count_prompt(endpoint, model, body, *counter).tokens != sum) std::abort();
  return 0;
}
