// Finding the next interesting octet: the inner loops of the JSON and event-stream
// readers, which see every octet of every reply. Sixteen octets at a time where the
// machine has SSE2, one at a time elsewhere. Never reads past `end`.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace farebox {

inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // U+FEFF in UTF-8

// JSON's blanks (RFC 8259 section 2).
inline bool is_blank(char octet) {
  return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

// The first CR or LF in [at, end), or end.
inline const char* find_line_end(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i cr = _mm_set1_epi8('\r');
  const __m128i lf = _mm_set1_epi8('\n');
  for (; end - at >= 16; at += 16) {
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int hits =
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(octets, cr), _mm_cmpeq_epi8(octets, lf)));
    if (hits != 0) return at + std::countr_zero(static_cast<std::uint32_t>(hits));
  }
#endif
  while (at != end && *at != '\r' && *at != '\n') ++at;
  return at;
}

// The first octet of [at, end) at which a JSON string (RFC 8259 section 7) stops being
// plain: a quote, a backslash or a control character; or end.
inline const char* find_string_stop(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  for (; end - at >= 16; at += 16) {
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i stops = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(octets, quote), _mm_cmpeq_epi8(octets, backslash)),
        _mm_cmpeq_epi8(_mm_min_epu8(octets, control), octets));
    const int hits = _mm_movemask_epi8(stops);
    if (hits != 0) return at + std::countr_zero(static_cast<std::uint32_t>(hits));
  }
#endif
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) > 0x1f) ++at;
  return at;
}

// What structures JSON among sixteen octets, a bit each, the first octet's the lowest.
struct JsonMarks {
  std::uint32_t quotes = 0, backslashes = 0;
  std::uint32_t opening = 0, closing = 0;  // brackets and braces
};
inline constexpr int kScanBlock = 16;

// Reads kScanBlock octets.
inline JsonMarks find_json_marks(const char* at) {
  JsonMarks marks;
#if defined(__SSE2__)
  const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const auto bits = [](__m128i equal) { return static_cast<std::uint32_t>(_mm_movemask_epi8(equal)); };
  marks.quotes = bits(_mm_cmpeq_epi8(octets, _mm_set1_epi8('"')));
  marks.backslashes = bits(_mm_cmpeq_epi8(octets, _mm_set1_epi8('\\')));
  // In ASCII a brace is a bracket with one more bit.
  const __m128i braces = _mm_or_si128(octets, _mm_set1_epi8(0x20));
  marks.opening = bits(_mm_cmpeq_epi8(braces, _mm_set1_epi8('{')));
  marks.closing = bits(_mm_cmpeq_epi8(braces, _mm_set1_epi8('}')));
#else
  for (int i = 0; i < kScanBlock; ++i) {
    const std::uint32_t bit = 1u << i;
    switch (at[i]) {
      case '"': marks.quotes |= bit; break;
      case '\\': marks.backslashes |= bit; break;
      case '{': case '[': marks.opening |= bit; break;
      case '}': case ']': marks.closing |= bit; break;
      default: break;
    }
  }
#endif
  return marks;
}

}  // namespace farebox
