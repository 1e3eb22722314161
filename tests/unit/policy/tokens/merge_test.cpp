#include "policy/tokens/merge.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "policy/tokens/piece_counter.hpp"
#include "tests/support/reference_tokens.hpp"

namespace farebox {
namespace {

std::span<const unsigned char> octets_of(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

// Runs and noise, of alphabets small and large.
std::string any_piece(std::mt19937_64& random, std::size_t most) {
  const std::size_t size = 1 + random() % most;
  const std::size_t letters = 1 + random() % (random() % 3 == 0 ? 256 : 4);
  const unsigned first = random() % 2 == 0 ? " a=\t\n-"[random() % 6] : static_cast<unsigned>(random());
  std::string piece;
  while (piece.size() < size) {
    const auto letter = static_cast<char>(first + random() % letters);
    piece.append(1 + (random() % 16 == 0 ? random() % 150 : 0), letter);
  }
  piece.resize(size);
  return piece;
}

// The ways to merge a piece of middle length, and a small one with other instructions, agree.
TEST(Merge, AllWaysAgree) {
  for (const Encoding encoding : {Encoding::o200k_base, Encoding::cl100k_base, Encoding::p50k_base,
                                  Encoding::r50k_base}) {
    const Vocabulary* const vocabulary = Vocabulary::of(encoding);
    if (vocabulary == nullptr) GTEST_SKIP() << "built without " << name_of(encoding);
    std::mt19937_64 random(3);
    for (int i = 0; i < 6'000; ++i) {
      const std::string piece = any_piece(random, i % 2 == 0 ? kSmallPiece : kMostSwept);
      const auto whole = merge_large(*vocabulary, octets_of(piece));
      ASSERT_EQ(merge_sweeping(*vocabulary, octets_of(piece)), whole) << testing::PrintToString(piece);
      if (piece.size() > kSmallPiece) continue;
      std::uint64_t begins = 0;
      for (std::size_t token = 0; token + 1 < whole.size(); ++token) begins |= std::uint64_t{1} << whole[token];
      std::string padded = piece + std::string(16, '\0');
      for (const Instructions most : {Instructions::plain, Instructions::avx512}) {
        ASSERT_EQ(merge_small(*vocabulary, octets_of(padded).data(), piece.size(), most), begins)
            << testing::PrintToString(piece);
      }
    }
  }
}

// The bound of a piece is never less than what it is merged to: all short strings of some letters,
// and long ones of any kind.
TEST(MostMerged, IsABound) {
  for (const Encoding encoding : {Encoding::o200k_base, Encoding::cl100k_base, Encoding::p50k_base}) {
    const Vocabulary* const vocabulary = Vocabulary::of(encoding);
    if (vocabulary == nullptr) GTEST_SKIP() << "built without " << name_of(encoding);
    const auto expect_bound = [&](const std::string& piece) {
      const std::size_t tokens = merge_large(*vocabulary, octets_of(piece)).size() - 1;
      const std::size_t most = most_merged(*vocabulary, octets_of(piece));
      ASSERT_GE(most, tokens) << testing::PrintToString(piece);
      ASSERT_LE(most, piece.size());
    };
    constexpr std::string_view kLetters = " qxzjke\xD7";
    for (std::size_t length = 1; length <= 5; ++length) {
      std::size_t all = 1;
      for (std::size_t i = 0; i < length; ++i) all *= kLetters.size();
      for (std::size_t number = 0; number < all; ++number) {
        std::string piece;
        for (std::size_t left = number; piece.size() < length; left /= kLetters.size()) {
          piece += kLetters[left % kLetters.size()];
        }
        expect_bound(piece);
      }
    }
    std::mt19937_64 random(5);
    for (int i = 0; i < 5'000; ++i) expect_bound(any_piece(random, 300));
    // Two of three letters at most, where all pairs of letters are tokens.
    if (encoding == Encoding::o200k_base) {
      EXPECT_EQ(most_merged(*vocabulary, octets_of("aaaaaaaaa")), 6u);
      EXPECT_EQ(most_merged(*vocabulary, octets_of("a")), 1u);
    }
  }
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
