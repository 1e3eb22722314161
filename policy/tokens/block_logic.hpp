// BlockLogic: from the classes of 64 octets to the begins of pieces; the arithmetic of block.hpp
// that is the same for every processor. Bit n of a mask tells of octet n.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "policy/tokens/pieces.hpp"

namespace farebox::block_logic {

#define FAREBOX_INLINE [[gnu::always_inline]] inline

struct Masks {
  std::uint64_t upper;
  std::uint64_t lower;
  std::uint64_t number;
  std::uint64_t blank;  // every White_Space of ASCII
  std::uint64_t space;  // U+0020 alone
  std::uint64_t line;
  std::uint64_t slash;
  std::uint64_t quote;
  std::uint64_t wide;  // not ASCII
};

// Of every bit, whether the one before it is set; nothing stands before the first.
FAREBOX_INLINE std::uint64_t after(std::uint64_t mask) { return mask << 1; }

FAREBOX_INLINE std::uint64_t below(unsigned bit) {
  return bit >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bit) - 1;
}

// The octets of the contraction at `at`, which is a quote, or 0. Reads three octets.
FAREBOX_INLINE unsigned contraction(const unsigned char* at) {
  const auto first = static_cast<unsigned char>(at[1] | 0x20);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  const auto second = static_cast<unsigned char>(at[2] | 0x20);
  return ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l') ? 3 : 0;
}

// The begins of the third, sixth ... digit's followers within runs of digits.
FAREBOX_INLINE std::uint64_t number_begins(std::uint64_t number) {
  std::uint64_t begins = number & ~after(number);
  const std::uint64_t inside = number & number << 1 & number << 2;
  for (std::uint64_t next = begins << 3 & inside; next != 0; next = next << 3 & inside) {
    begins |= next;
  }
  return begins;
}

// The begins within and at runs of blanks: of the run, behind its last line end, and at its last
// character, which may belong to what follows.
FAREBOX_INLINE std::uint64_t blank_begins(std::uint64_t blank, std::uint64_t line) {
  const std::uint64_t plain = blank & ~line;
  std::uint64_t behind_line = plain & after(blank & line);
  // No begin is behind a line end that another one follows: "\n  \n" is one piece.
  for (std::uint64_t ends = blank & line & after(plain); ends != 0 && behind_line != 0;
       ends &= ends - 1) {
    const unsigned end = static_cast<unsigned>(std::countr_zero(ends));
    const std::uint64_t others = ~plain & below(end);
    const unsigned begin = others == 0 ? 0 : 64 - static_cast<unsigned>(std::countl_zero(others));
    behind_line &= ~(std::uint64_t{1} << begin);
  }
  return (blank & ~after(blank)) | (plain & ~(blank >> 1)) | behind_line;
}

// Only what can't be changed by octets that aren't known: a contraction looks at two more, and
// a run of blanks that may go on is cut nowhere but at its begin.
FAREBOX_INLINE std::uint64_t certain(std::uint64_t begins, std::uint64_t blank, unsigned known) {
  const std::uint64_t others = ~blank & below(known);
  const unsigned run = others == 0 ? 0 : 64 - static_cast<unsigned>(std::countl_zero(others));
  return begins & below(std::min(run, known - 3) + 1) & ~std::uint64_t{1};
}

// o200k: `word(contraction)?`. A letter before the quote ends a word, unless it is itself the end
// of a contraction.
FAREBOX_INLINE std::uint64_t join_contractions(std::uint64_t begins, std::uint64_t quotes,
                                               std::uint64_t letter, const unsigned char* text,
                                               unsigned known) {
  unsigned last_end = 0;
  for (; quotes != 0; quotes &= quotes - 1) {
    const unsigned at = static_cast<unsigned>(std::countr_zero(quotes));
    if (at + 3 > known) break;
    if (at == last_end) continue;
    const unsigned length = contraction(text + at);
    if (length == 0) continue;
    last_end = at + length;
    begins &= ~(below(length) << at);
    if (last_end < 64) begins |= letter & std::uint64_t{1} << last_end;
  }
  return begins;
}

// cl100k: a contraction is a piece; a letter behind it begins another.
FAREBOX_INLINE std::uint64_t cut_contractions(std::uint64_t begins, std::uint64_t quotes,
                                              std::uint64_t letter, const unsigned char* text,
                                              unsigned known) {
  for (; quotes != 0; quotes &= quotes - 1) {
    const unsigned at = static_cast<unsigned>(std::countr_zero(quotes));
    if (at + 3 > known) break;
    const unsigned length = contraction(text + at);
    if (length != 0 && at + length < 64) begins |= letter & std::uint64_t{1} << (at + length);
  }
  return begins;
}

template <Pattern kPattern>
FAREBOX_INLINE std::uint64_t begins_of(const Masks& masks, const unsigned char* text) {
  constexpr bool kCased = kPattern == Pattern::o200k;
  const unsigned known =
      masks.wide == 0 ? 64 : static_cast<unsigned>(std::countr_zero(masks.wide));
  if (known < 4) return 0;
  const std::uint64_t letter = masks.upper | masks.lower;
  const std::uint64_t every_sign = ~(letter | masks.number | masks.blank) & below(known);

  // Signs take the line ends (o200k: and slashes) that follow them.
  const std::uint64_t takable = masks.line | (kCased ? masks.slash : 0);
  const std::uint64_t first = masks.line & after(every_sign);
  const std::uint64_t taken = (takable & ~(takable + first)) | first;
  const std::uint64_t sign = every_sign & ~taken;
  const std::uint64_t blank = masks.blank & ~taken;

  // A run of signs begins a piece, unless a space does before it. A word begins one, unless a
  // blank or a lone sign does before it.
  const std::uint64_t sign_begins = sign & ~after(sign) & ~after(masks.space);
  std::uint64_t begins = sign_begins | number_begins(masks.number) |
                         blank_begins(blank, masks.line) |
                         (letter & ~after(letter) & ~after((blank & ~masks.line) | sign_begins));
  if constexpr (kCased) {
    begins |= masks.upper & after(masks.lower);
    const std::uint64_t quotes = masks.quote & after(letter);
    if (quotes != 0) begins = join_contractions(begins, quotes, letter, text, known);
  } else {
    const std::uint64_t quotes = masks.quote & sign_begins & letter >> 1;
    if (quotes != 0) begins = cut_contractions(begins, quotes, letter, text, known);
  }
  return certain(begins, blank, known);
}

#undef FAREBOX_INLINE

}  // namespace farebox::block_logic
