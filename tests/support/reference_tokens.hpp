// A second opinion on tokens that shares no code with policy/tokens: the encodings' own patterns
// run by PCRE2, the rank files as they were fetched, and merging as the definition says it, in
// quadratic time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace farebox::test {

class ReferenceTokens {
 public:
  // Reads NAME.tiktoken; nothing where it isn't there.
  static std::optional<ReferenceTokens> make(const std::string& name);

  ReferenceTokens(ReferenceTokens&&) noexcept;
  ~ReferenceTokens();

  // The ids of valid UTF-8 whose code points PCRE2's Unicode knows.
  std::vector<std::uint32_t> ids(std::string_view text) const;

  // The pieces the pattern cuts.
  std::vector<std::string_view> pieces(std::string_view text) const;

  // The ids of one piece.
  std::vector<std::uint32_t> merge(std::string_view piece) const;

 private:
  struct Pattern;
  ReferenceTokens();

  std::unique_ptr<Pattern> pattern_;
  std::unordered_map<std::string, std::uint32_t> ranks_;
};

// Whether PCRE2's Unicode version says of `code` what `pattern` asks, such as "\\p{L}".
class CodePointClass {
 public:
  explicit CodePointClass(std::string_view pattern);
  ~CodePointClass();
  bool holds(std::uint32_t code) const;
  bool found_in(std::string_view text) const;  // anywhere in valid UTF-8

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

// `code`, which is no surrogate, as UTF-8.
std::string utf8(std::uint32_t code);

}  // namespace farebox::test
