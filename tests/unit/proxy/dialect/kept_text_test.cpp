// The text of answers that are kept to be counted: a thousand streams that nobody read held 250 MiB
// of it, above any ceiling, because each had half a MiB of its own.
#include "proxy/dialect/kept_text.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "proxy/dialect/usage_reader.hpp"

namespace farebox {
namespace {

class Kept : public ::testing::Test {
 protected:
  void TearDown() override {
    KeptText::share(KeptText::kMostOfAll);
    EXPECT_EQ(KeptText::shared(), 0u) << "all was given back";
  }

  static void fill(KeptText& text, std::size_t size, std::size_t piece = 100) {
    while (text.size() < size && !text.cut()) text.append(std::string(piece, 'x'));
  }
};

TEST_F(Kept, IsWhatWasAppended) {
  KeptText text;
  std::string same;
  for (int i = 0; i < 3'000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 90), static_cast<char>('a' + i % 26));
    text.append(piece);
    same += piece;
  }
  EXPECT_FALSE(text.cut());
  EXPECT_EQ(text.view(), same);
  EXPECT_GT(KeptText::shared(), 0u);
  EXPECT_EQ(text.take(), same);
  EXPECT_TRUE(text.empty());
}

TEST_F(Kept, OneHasAnEnd) {
  KeptText text;
  fill(text, KeptText::kMost + 1);
  EXPECT_TRUE(text.cut());
  EXPECT_LE(text.size(), KeptText::kMost);
  const std::size_t size = text.size();
  text.append("y");
  EXPECT_EQ(text.size(), size) << "a hole would make it another text";
}

TEST_F(Kept, AllTogetherHaveAnEnd) {
  KeptText::share(1 << 20);
  std::vector<KeptText> texts(1'000);
  for (KeptText& text : texts) fill(text, KeptText::kMost);
  std::size_t size = 0;
  for (const KeptText& text : texts) {
    size += text.view().size();
    EXPECT_GE(text.size(), KeptText::kOwn / 2) << "each has some of its own";
  }
  EXPECT_LE(KeptText::shared(), 1u << 20);
  EXPECT_LE(size, (1u << 20) + texts.size() * KeptText::kOwn);
  texts.erase(texts.begin(), texts.begin() + 500);
  KeptText late;
  fill(late, 100'000);
  EXPECT_FALSE(late.cut()) << "what is given back can be had";
}

TEST_F(Kept, MovesWithItsShare) {
  KeptText one, other;
  fill(one, 50'000);
  fill(other, 90'000);
  other = std::move(one);
  EXPECT_EQ(other.size(), 50'000u);
  KeptText third(std::move(other));
  EXPECT_EQ(third.size(), 50'000u);
  EXPECT_LE(KeptText::shared(), 100'000u);
}

TEST_F(Kept, WhatHasNoRoomIsCountedByItsOctets) {
  KeptText::share(0);
  Reading reading;
  std::size_t all = 0;
  for (int i = 0; i < 400; ++i, all += 100) {
    const std::string text = '"' + std::string(100, 'x') + '"';
    reading.add_output(*JsonCursor(text).string());
  }
  EXPECT_EQ(reading.output_bytes, all);
  EXPECT_TRUE(reading.output_text.cut());
  EXPECT_EQ(reading.output_text.size() + reading.unkept_bytes, all);
}

}  // namespace
}  // namespace farebox
