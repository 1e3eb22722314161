// Tokens: whatever the octets, every way to count agrees with every other; and for text whose
// code points PCRE2 knows, with the encodings' own patterns and merging by the definition.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "config/base/check.hpp"
#include "policy/tokens/json_text.hpp"
#include "policy/tokens/stream_counter.hpp"
#include "policy/tokens/token_counter.hpp"
#include "tests/support/reference_tokens.hpp"

namespace {

using namespace farebox;

constexpr Encoding kFuzzed[] = {Encoding::o200k_base, Encoding::cl100k_base, Encoding::r50k_base};

struct Opinions {
  explicit Opinions(Encoding encoding)
      : best(TokenCounter::make(encoding)),
        small(TokenCounter::make(encoding, std::min(best_instructions(), Instructions::avx2))),
        plain(TokenCounter::make(encoding, Instructions::plain)),
        reference(test::ReferenceTokens::make(std::string(name_of(encoding)))) {}
  std::optional<TokenCounter> best, small, plain;
  std::optional<test::ReferenceTokens> reference;
};

// Of an older Unicode, or U+180E, a blank to PCRE2 alone.
bool known_to_pcre2(std::string_view text) {
  static const test::CodePointClass unknown("[\\p{Cn}\\x{180E}]");
  return !unknown.found_in(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Opinions opinions[] = {Opinions(kFuzzed[0]), Opinions(kFuzzed[1]), Opinions(kFuzzed[2])};
  if (size < 2) return 0;
  Opinions& of = opinions[data[0] % 3];
  if (!of.best) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t tokens = of.best->count(text);
  CHECK(of.small->count(text) == tokens);
  CHECK(of.plain->count(text) == tokens);
  const auto ids = of.best->ids(text);
  CHECK(ids.size() == tokens);

  // Cut at places the input chooses.
  StreamCounter stream(*of.best);
  std::size_t step = data[1] % 70 + 1;
  for (std::size_t at = 0; at < text.size();) {
    stream.feed(text.substr(at, step));
    at += step;
    step = static_cast<unsigned char>(text[at % text.size()]) % 70 + 1;
  }
  CHECK(stream.tokens() == tokens);

  // Any octets may stand in a JSON string.
  count_json_string(*of.best, text);
  if (valid_prefix(text) != text.size()) return 0;
  const std::string quoted = nlohmann::json(text).dump(-1, ' ', data[1] % 2 == 0);
  CHECK(count_json_string(*of.best, std::string_view(quoted).substr(1, quoted.size() - 2)) == tokens);
  if (of.reference && text.size() < 2'000 && known_to_pcre2(text)) CHECK(of.reference->ids(text) == ids);
  return 0;
}
