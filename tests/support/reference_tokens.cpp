#include "tests/support/reference_tokens.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "config/base/check.hpp"

namespace farebox::test {
namespace {

// openai/tiktoken, tiktoken_ext/openai_public.py, as npm tiktoken 1.0.22 carries it.
const std::map<std::string, std::string> kPatterns = {
    {"o200k_base",
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"cl100k_base",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"p50k_base", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {"r50k_base", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"}};

std::string decode_base64(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    unsigned digit = 0;
    if (c >= 'A' && c <= 'Z') digit = static_cast<unsigned>(c - 'A');
    else if (c >= 'a' && c <= 'z') digit = static_cast<unsigned>(c - 'a') + 26;
    else if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0') + 52;
    else if (c == '+') digit = 62;
    else if (c == '/') digit = 63;
    else break;
    bits = bits << 6 | digit;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have & 0xFF);
  }
  return out;
}

pcre2_code* compile(std::string_view pattern) {
  int error = 0;
  PCRE2_SIZE where = 0;
  pcre2_code* const code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                         PCRE2_UTF | PCRE2_UCP, &error, &where, nullptr);
  CHECK(code != nullptr);
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  return code;
}

}  // namespace

struct ReferenceTokens::Pattern {
  explicit Pattern(std::string_view text)
      : code(compile(text)), match(pcre2_match_data_create_from_pattern(code, nullptr)) {}
  ~Pattern() {
    pcre2_match_data_free(match);
    pcre2_code_free(code);
  }
  pcre2_code* code;
  pcre2_match_data* match;
};

ReferenceTokens::ReferenceTokens() = default;
ReferenceTokens::ReferenceTokens(ReferenceTokens&&) noexcept = default;
ReferenceTokens::~ReferenceTokens() = default;

std::optional<ReferenceTokens> ReferenceTokens::make(const std::string& name) {
  std::ifstream file(FAREBOX_VOCABULARIES "/" + name + ".tiktoken");
  // r50k_base is the first part of p50k_base.
  const bool part = !file && name == "r50k_base";
  if (part) file = std::ifstream(FAREBOX_VOCABULARIES "/p50k_base.tiktoken");
  if (!file) return std::nullopt;
  ReferenceTokens made;
  made.pattern_ = std::make_unique<Pattern>(kPatterns.at(name));
  std::string octets;
  for (std::uint32_t rank = 0; file >> octets >> rank;) {
    if (!part || rank < 50'256) made.ranks_.emplace(decode_base64(octets), rank);
  }
  return made;
}

std::vector<std::string_view> ReferenceTokens::pieces(std::string_view text) const {
  std::vector<std::string_view> found;
  for (std::size_t at = 0; at < text.size();) {
    const int matched = pcre2_match(pattern_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                    at, PCRE2_NO_UTF_CHECK, pattern_->match, nullptr);
    CHECK(matched > 0);
    const PCRE2_SIZE* const places = pcre2_get_ovector_pointer(pattern_->match);
    CHECK(places[0] == at && places[1] > at);
    found.push_back(text.substr(at, places[1] - at));
    at = places[1];
  }
  return found;
}

std::vector<std::uint32_t> ReferenceTokens::merge(std::string_view piece) const {
  if (const auto whole = ranks_.find(std::string(piece)); whole != ranks_.end()) return {whole->second};
  std::vector<std::string> parts;
  for (const char c : piece) parts.emplace_back(1, c);
  while (true) {
    std::uint32_t least = ~0u;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto both = ranks_.find(parts[i] + parts[i + 1]);
      if (both == ranks_.end() || both->second >= least) continue;
      least = both->second;
      at = i;
    }
    if (least == ~0u) break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  std::vector<std::uint32_t> ids;
  for (const std::string& part : parts) ids.push_back(ranks_.at(part));
  return ids;
}

std::vector<std::uint32_t> ReferenceTokens::ids(std::string_view text) const {
  std::vector<std::uint32_t> ids;
  for (const std::string_view piece : pieces(text)) {
    const auto merged = merge(piece);
    ids.insert(ids.end(), merged.begin(), merged.end());
  }
  return ids;
}

struct CodePointClass::Compiled {
  explicit Compiled(std::string_view text)
      : code(compile(text)), match(pcre2_match_data_create_from_pattern(code, nullptr)) {}
  ~Compiled() {
    pcre2_match_data_free(match);
    pcre2_code_free(code);
  }
  pcre2_code* code;
  pcre2_match_data* match;
};

CodePointClass::CodePointClass(std::string_view pattern)
    : compiled_(std::make_unique<Compiled>(pattern)) {}
CodePointClass::~CodePointClass() = default;

bool CodePointClass::holds(std::uint32_t code) const { return found_in(utf8(code)); }

bool CodePointClass::found_in(std::string_view text) const {
  return pcre2_match(compiled_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                     PCRE2_NO_UTF_CHECK, compiled_->match, nullptr) > 0;
}

std::string utf8(std::uint32_t code) {
  std::string out;
  const auto low = [&](unsigned shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    low(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    low(6);
    low(0);
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    low(12);
    low(6);
    low(0);
  }
  return out;
}

}  // namespace farebox::test
