#include "policy/tokens/merge.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/support/reference_tokens.hpp"

namespace farebox {
namespace {

std::span<const unsigned char> octets_of(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

// Pieces of every length on either side of the window, of alphabets small and large: runs, in
// which the place of a window matters, and noise.
TEST(LongMerger, MergesWindowsAsItMergesTheWhole) {
  for (const Encoding encoding : {Encoding::o200k_base, Encoding::cl100k_base, Encoding::r50k_base}) {
    const Vocabulary* const vocabulary = Vocabulary::of(encoding);
    if (vocabulary == nullptr) GTEST_SKIP() << "built without " << name_of(encoding);
    LongMerger merger(*vocabulary);
    std::mt19937_64 random(2);
    for (int i = 0; i < 3'000; ++i) {
      const std::size_t size = 1 + random() % (i % 10 == 0 ? 2'000 : 200);
      const std::size_t letters = 1 + random() % (i % 3 == 0 ? 256 : 3);
      const unsigned first = i % 2 == 0 ? " a=\t\n-"[random() % 6] : static_cast<unsigned>(random());
      std::string piece;
      while (piece.size() < size) {
        const auto letter = static_cast<char>(first + random() % letters);
        piece.append(1 + (random() % 16 == 0 ? random() % 150 : 0), letter);
      }
      const auto whole = merge_large(*vocabulary, octets_of(piece));
      std::vector<std::size_t> ends;
      merger.split(octets_of(piece), ends);
      ASSERT_EQ(ends, std::vector<std::size_t>(whole.begin() + 1, whole.end())) << testing::PrintToString(piece);
      ASSERT_EQ(merger.count(octets_of(piece)), ends.size());
    }
  }
}

TEST(Merge, IsWhatTheDefinitionSays) {
  for (const Encoding encoding : {Encoding::o200k_base, Encoding::cl100k_base, Encoding::p50k_base}) {
    const Vocabulary* const vocabulary = Vocabulary::of(encoding);
    const auto reference = test::ReferenceTokens::make(std::string(name_of(encoding)));
    if (vocabulary == nullptr || !reference) GTEST_SKIP() << "no vocabulary " << name_of(encoding);
    std::mt19937_64 random(4);
    for (int i = 0; i < 1'000; ++i) {
      std::string piece(1 + random() % 100, ' ');
      for (char& c : piece) c = static_cast<char>(i % 2 == 0 ? random() : 'a' + random() % 26);
      const bool token = vocabulary->rank(octets_of(piece).data(), piece.size()) != Vocabulary::kNone;
      const auto begins = merge_large(*vocabulary, octets_of(piece));
      const std::size_t tokens = token ? 1 : begins.size() - 1;
      ASSERT_EQ(tokens, reference->merge(piece).size()) << testing::PrintToString(piece);
    }
  }
}

}  // namespace
}  // namespace farebox
