#include "policy/tokens/pieces.hpp"

namespace farebox {
namespace {

using Octets = std::span<const unsigned char>;

constexpr unsigned kLetters = 1u << static_cast<int>(CharClass::upper) |
                              1u << static_cast<int>(CharClass::lower) |
                              1u << static_cast<int>(CharClass::letter);
constexpr unsigned kNumber = 1u << static_cast<int>(CharClass::number);
constexpr unsigned kMark = 1u << static_cast<int>(CharClass::mark);
constexpr unsigned kLine = 1u << static_cast<int>(CharClass::line);
constexpr unsigned kBlank = 1u << static_cast<int>(CharClass::space) | kLine;
constexpr unsigned kUpper = 1u << static_cast<int>(CharClass::upper);
// Letters without case, and marks, are of both sides of o200k's words.
constexpr unsigned kEither = 1u << static_cast<int>(CharClass::letter) | kMark;
constexpr unsigned kLower = 1u << static_cast<int>(CharClass::lower) | kEither;
constexpr unsigned kSigns = 1u << static_cast<int>(CharClass::other) | kMark;

constexpr bool is(CharClass kind, unsigned classes) {
  return (1u << static_cast<int>(kind) & classes) != 0;
}

// One attempt at one place of a text.
class Cutter {
 public:
  Cutter(const CharacterTable& table, Octets text, Rest rest)
      : table_(table), text_(text), rest_(rest) {}

  std::size_t o200k(std::size_t at);
  std::size_t cl100k(std::size_t at);
  std::size_t gpt2(std::size_t at);

 private:
  enum class Case : std::uint8_t { exact, any };

  Character character(std::size_t at) const { return table_.at(text_.data() + at); }

  // The end of the run of these classes that begins at `at`, or the end of the text.
  std::size_t run(std::size_t at, unsigned classes) const {
    while (at < text_.size()) {
      const Character next = character(at);
      if (!is(next.kind, classes)) break;
      at += next.length;
    }
    return at;
  }

  // An end that is where the octets at hand end may be no end.
  std::size_t decided(std::size_t end) const {
    return end == text_.size() && rest_ == Rest::unknown ? kUndecided : end;
  }

  // The end of 's 't 're 've 'm 'll 'd at `at`, or `at` where there is none. Without case, s is
  // also U+017F, the long s. Sets undecided_.
  std::size_t contraction(std::size_t at, Case matching);

  std::size_t cased_word(std::size_t at) const;
  std::size_t signs(std::size_t at, unsigned char also) const;
  std::size_t blanks(std::size_t at, bool lines_first) const;
  std::size_t number(std::size_t at) const;

  const CharacterTable& table_;
  Octets text_;
  Rest rest_;
  bool undecided_ = false;
};

std::size_t Cutter::contraction(std::size_t at, Case matching) {
  const std::size_t left = text_.size() - at;
  if (left == 0 || text_[at] != '\'') {
    undecided_ = undecided_ || (left == 0 && rest_ == Rest::unknown);
    return at;
  }
  const unsigned char fold = matching == Case::any ? 0x20 : 0;
  if (left >= 2) {
    const auto first = static_cast<unsigned char>(text_[at + 1] | fold);
    if (text_[at + 1] < 0x80 && (first == 's' || first == 't' || first == 'm' || first == 'd')) {
      return at + 2;
    }
    if (matching == Case::any && text_[at + 1] == 0xC5 && text_[at + 2] == 0xBF) return at + 3;
    if (first != 'r' && first != 'v' && first != 'l') return at;
    if (left >= 3) {
      const auto second = static_cast<unsigned char>(text_[at + 2] | fold);
      return text_[at + 2] < 0x80 && second == (first == 'l' ? 'l' : 'e') ? at + 3 : at;
    }
  }
  undecided_ = undecided_ || rest_ == Rest::unknown;
  return at;
}

// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`: its end, or `at` where it
// doesn't match. The first run is greedy; where nothing follows it for the second one, it gives
// back its last character that either may hold.
std::size_t Cutter::cased_word(std::size_t at) const {
  std::size_t end = at;
  std::size_t last_either = at;
  while (end < text_.size()) {
    const Character next = character(end);
    if (!is(next.kind, kUpper | kEither)) {
      return is(next.kind, kLower) ? run(end, kLower) : last_either;
    }
    end += next.length;
    if (is(next.kind, kEither)) last_either = end;
  }
  return rest_ == Rest::unknown ? end : last_either;
}

// ` ?[^\s\p{L}\p{N}]+[\r\n]*`, `at` being behind the blank; `also` is what o200k takes besides
// line ends: "/".
std::size_t Cutter::signs(std::size_t at, unsigned char also) const {
  std::size_t end = run(at, kSigns);
  while (end < text_.size() &&
         (text_[end] == '\r' || text_[end] == '\n' || text_[end] == also)) {
    ++end;
  }
  return decided(end);
}

// `\s*[\r\n]+` (not in gpt2's), `\s+(?!\S)`, `\s+`: up to the last line end of the run; else all
// but its last character, which what follows may take; else the whole.
std::size_t Cutter::blanks(std::size_t at, bool lines_first) const {
  std::size_t end = at;
  std::size_t last = at;
  std::size_t behind_line = at;
  while (end < text_.size()) {
    const Character next = character(end);
    if (!is(next.kind, kBlank)) break;
    last = end;
    end += next.length;
    if (is(next.kind, kLine)) behind_line = end;
  }
  if (end == text_.size() && rest_ == Rest::unknown) return kUndecided;
  if (lines_first && behind_line != at) return behind_line;
  return end == text_.size() || last == at ? end : last;
}

// `\p{N}{1,3}`
std::size_t Cutter::number(std::size_t at) const {
  for (int digits = 0; digits < 3; ++digits) {
    if (at == text_.size()) return decided(at);
    const Character next = character(at);
    if (!is(next.kind, kNumber)) return at;
    at += next.length;
  }
  return at;
}

// 1  [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(contraction)?
// 2  [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(contraction)?
// 3  \p{N}{1,3}
// 4   ?[^\s\p{L}\p{N}]+[\r\n/]*
// 5  \s*[\r\n]+    6  \s+(?!\S)    7  \s+
std::size_t Cutter::o200k(std::size_t at) {
  const Character first = character(at);
  if (is(first.kind, kNumber)) return number(at);
  const bool prefix = !is(first.kind, kLetters | kLine);
  const std::size_t word = prefix ? at + first.length : at;
  if (word == text_.size() && rest_ == Rest::unknown) return kUndecided;
  std::size_t end = cased_word(word);
  bool matched = end != word;
  if (!matched && is(first.kind, kMark)) {
    // A mark before no word is a word itself.
    end = cased_word(at);
    matched = true;
  }
  if (!matched) {
    // The second alternative: no lower case follows, or the first one had matched.
    end = run(word, kUpper);
    matched = end != word;
  }
  if (matched) {
    if (decided(end) == kUndecided) return kUndecided;
    end = contraction(end, Case::any);
    return undecided_ ? kUndecided : end;
  }
  if (word == text_.size() || !is(first.kind, kBlank)) {
    return is(first.kind, kBlank) ? blanks(at, true) : signs(at, '/');
  }
  if (text_[at] == ' ' && is(character(word).kind, kSigns)) return signs(word, '/');
  return blanks(at, true);
}

// '(?i:s|t|re|ve|m|ll|d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3} |  ?[^\s\p{L}\p{N}]+[\r\n]* |
// \s*[\r\n]+ | \s+(?!\S) | \s+
std::size_t Cutter::cl100k(std::size_t at) {
  const Character first = character(at);
  if (is(first.kind, kLetters)) return decided(run(at, kLetters));
  if (is(first.kind, kNumber)) return number(at);
  if (text_[at] == '\'') {
    const std::size_t end = contraction(at, Case::any);
    if (undecided_) return kUndecided;
    if (end != at) return end;
  }
  const std::size_t next = at + first.length;
  if (next == text_.size() && rest_ == Rest::unknown) return kUndecided;
  const bool blank = is(first.kind, kBlank);
  if (next == text_.size()) return next;
  const CharClass second = character(next).kind;
  if (!is(first.kind, kLine) && is(second, kLetters)) return decided(run(next, kLetters));
  if (!blank) return signs(at, '\n');
  if (text_[at] == ' ' && is(second, kSigns)) return signs(next, '\n');
  return blanks(at, true);
}

// '(?:s|t|re|ve|m|ll|d) |  ?\p{L}+ |  ?\p{N}+ |  ?[^\s\p{L}\p{N}]+ | \s+(?!\S) | \s+
std::size_t Cutter::gpt2(std::size_t at) {
  if (text_[at] == '\'') {
    const std::size_t end = contraction(at, Case::exact);
    if (undecided_) return kUndecided;
    if (end != at) return end;
  }
  std::size_t next = at;
  if (text_[at] == ' ') {
    if (++next == text_.size()) return decided(next);
  }
  const CharClass kind = character(next).kind;
  for (const unsigned classes : {kLetters, kNumber, kSigns}) {
    if (is(kind, classes)) return decided(run(next, classes));
  }
  return blanks(at, false);
}

}  // namespace

Pattern pattern_of(Encoding encoding) {
  switch (base_of(encoding)) {
    case Encoding::o200k_base: return Pattern::o200k;
    case Encoding::cl100k_base: return Pattern::cl100k;
    default: return Pattern::gpt2;
  }
}

std::size_t piece_end(Pattern pattern, const CharacterTable& table, Octets text, std::size_t at,
                      Rest rest) {
  Cutter cutter(table, text, rest);
  switch (pattern) {
    case Pattern::o200k: return cutter.o200k(at);
    case Pattern::cl100k: return cutter.cl100k(at);
    case Pattern::gpt2: break;
  }
  return cutter.gpt2(at);
}

}  // namespace farebox
