// Lowering the maximum of a body of any octets: the first picks the endpoint, the second the
// dialect, the third how far. What comes out is readable, says no more than asked for, and
// what was low enough stays as it was.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/max_output.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace farebox;
  if (size < 3) return 0;
  Route route;
  route.endpoint = static_cast<Endpoint>(data[0] % (static_cast<int>(Endpoint::described) + 1));
  const auto dialect =
      static_cast<DialectName>(data[1] % (static_cast<int>(DialectName::ollama) + 1));
  if (dialect == DialectName::ollama) route.speaks = dialect;
  const std::uint64_t most = 1 + data[2] * 37u;
  const std::string_view body(reinterpret_cast<const char*>(data) + 3, size - 3);
  const auto before = read_body_facts(route, "", body);
  if (!before) return 0;  // a key that comes twice: refused before
  constexpr std::string_view kModels[] = {"gpt-4o", "o3", "amazon.nova-lite-v1:0", "meta.llama3",
                                          "anthropic.claude", "amazon.titan-text"};
  const LoweredBody lowered =
      lower_max_output(route, dialect, kModels[data[2] % std::size(kModels)], body, most);
  if (!lowered.body) {
    if (lowered.why.empty()) std::abort();
    return 0;
  }
  const auto after = read_body_facts(route, "", *lowered.body);
  if (!after || !after->readable) std::abort();
  if (after->max_output_tokens == 0 || after->max_output_tokens > most) std::abort();
  if (before->max_output_tokens != 0 && after->max_output_tokens > before->max_output_tokens &&
      before->max_output_tokens <= most && *lowered.body == body) {
    std::abort();
  }
  // Once lowered, it stays as it is.
  const LoweredBody again =
      lower_max_output(route, dialect, kModels[data[2] % std::size(kModels)], *lowered.body, most);
  if (!again.body || *again.body != *lowered.body) std::abort();
  return 0;
}
