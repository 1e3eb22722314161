#include "policy/tokens/block.hpp"

#include "policy/tokens/block_logic.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace farebox {

#if defined(__x86_64__)

namespace {

using block_logic::Masks;

#define FAREBOX_AVX2 gnu::target("avx2,bmi,bmi2,lzcnt,popcnt")
#define FAREBOX_AVX512 gnu::target("avx512f,avx512bw,avx2,bmi,bmi2,lzcnt,popcnt")

// Thirty-two octets at a time; two of them make a mask.
struct Halves {
  __m256i low, high;
};

[[FAREBOX_AVX2, gnu::always_inline]] inline std::uint64_t bits(__m256i low, __m256i high) {
  const auto a = static_cast<std::uint32_t>(_mm256_movemask_epi8(low));
  const auto b = static_cast<std::uint32_t>(_mm256_movemask_epi8(high));
  return a | std::uint64_t{b} << 32;
}

[[FAREBOX_AVX2, gnu::always_inline]] inline std::uint64_t equal(const Halves& octets, char to) {
  const __m256i value = _mm256_set1_epi8(to);
  return bits(_mm256_cmpeq_epi8(octets.low, value), _mm256_cmpeq_epi8(octets.high, value));
}

// Octets from `first`, `count` of them: unsigned less-than by way of the minimum.
[[FAREBOX_AVX2, gnu::always_inline]] inline std::uint64_t within(const Halves& octets, char first,
                                                               char count) {
  const __m256i base = _mm256_set1_epi8(first);
  const __m256i most = _mm256_set1_epi8(static_cast<char>(count - 1));
  const __m256i low = _mm256_sub_epi8(octets.low, base);
  const __m256i high = _mm256_sub_epi8(octets.high, base);
  return bits(_mm256_cmpeq_epi8(_mm256_min_epu8(low, most), low),
              _mm256_cmpeq_epi8(_mm256_min_epu8(high, most), high));
}

[[FAREBOX_AVX2, gnu::always_inline]] inline Masks classify_avx2(const unsigned char* text) {
  const Halves octets{_mm256_loadu_si256(reinterpret_cast<const __m256i*>(text)),
                      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32))};
  Masks masks;
  masks.upper = within(octets, 'A', 26);
  masks.lower = within(octets, 'a', 26);
  masks.number = within(octets, '0', 10);
  masks.space = equal(octets, ' ');
  masks.blank = within(octets, '\t', 5) | masks.space;
  masks.line = equal(octets, '\n') | equal(octets, '\r');
  masks.slash = equal(octets, '/');
  masks.quote = equal(octets, '\'');
  masks.wide = bits(octets.low, octets.high);
  return masks;
}

[[FAREBOX_AVX512, gnu::always_inline]] inline std::uint64_t within512(__m512i octets, char first,
                                                                    char count) {
  return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(octets, _mm512_set1_epi8(first)),
                                _mm512_set1_epi8(count));
}

[[FAREBOX_AVX512, gnu::always_inline]] inline Masks classify_avx512(const unsigned char* text) {
  const __m512i octets = _mm512_loadu_si512(text);
  const auto equal = [&](char to) __attribute__((target("avx512f,avx512bw"), always_inline)) {
    return static_cast<std::uint64_t>(_mm512_cmpeq_epi8_mask(octets, _mm512_set1_epi8(to)));
  };
  Masks masks;
  masks.upper = within512(octets, 'A', 26);
  masks.lower = within512(octets, 'a', 26);
  masks.number = within512(octets, '0', 10);
  masks.space = equal(' ');
  masks.blank = within512(octets, '\t', 5) | masks.space;
  masks.line = equal('\n') | equal('\r');
  masks.slash = equal('/');
  masks.quote = equal('\'');
  masks.wide = _mm512_movepi8_mask(octets);
  return masks;
}

[[FAREBOX_AVX2]] std::uint64_t o200k_avx2(const unsigned char* text) {
  return block_logic::begins_of<Pattern::o200k>(classify_avx2(text), text);
}

[[FAREBOX_AVX2]] std::uint64_t cl100k_avx2(const unsigned char* text) {
  return block_logic::begins_of<Pattern::cl100k>(classify_avx2(text), text);
}

[[FAREBOX_AVX512]] std::uint64_t o200k_avx512(const unsigned char* text) {
  return block_logic::begins_of<Pattern::o200k>(classify_avx512(text), text);
}

[[FAREBOX_AVX512]] std::uint64_t cl100k_avx512(const unsigned char* text) {
  return block_logic::begins_of<Pattern::cl100k>(classify_avx512(text), text);
}

}  // namespace

Instructions best_instructions() {
  static const Instructions best = [] {
    const bool small = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
    if (!small) return Instructions::plain;
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    return wide ? Instructions::avx512 : Instructions::avx2;
  }();
  return best;
}

BlockBegins block_begins(Pattern pattern, Instructions instructions) {
  if (instructions == Instructions::plain) return nullptr;
  const bool wide = instructions == Instructions::avx512;
  switch (pattern) {
    case Pattern::o200k: return wide ? o200k_avx512 : o200k_avx2;
    case Pattern::cl100k: return wide ? cl100k_avx512 : cl100k_avx2;
    case Pattern::gpt2: break;
  }
  return nullptr;
}

#else

Instructions best_instructions() { return Instructions::plain; }

BlockBegins block_begins(Pattern, Instructions) { return nullptr; }

#endif

}  // namespace farebox
