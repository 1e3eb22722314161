// The digest of a connection's key: hashed once, and never another's.
#include "proxy/last_key.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace farebox {
namespace {

TEST(LastKey, IsTheDigestOfWhatIsPresentedWhateverCameBefore) {
  LastKey last;
  EXPECT_EQ(last.digest_of({}), sha256({}));  // a key that is unclear has no text
  const std::string key = "fb-" + std::string(43, 'k');
  for (int i = 0; i < 3; ++i) EXPECT_EQ(last.digest_of(key), sha256(key));
  for (std::size_t at = 0; at < key.size(); ++at) {
    std::string other = key;
    other[at] ^= 1;
    EXPECT_EQ(last.digest_of(other), sha256(other)) << at;
    EXPECT_EQ(last.digest_of(key), sha256(key)) << at;
  }
}

TEST(LastKey, HoldsOfAnySize) {
  LastKey last;
  std::mt19937 random(7);
  std::string text;
  for (int i = 0; i < 2'000; ++i) {
    if (random() % 2 == 0) text.assign(random() % 100, static_cast<char>('a' + random() % 2));
    ASSERT_EQ(last.digest_of(text), sha256(text)) << text.size();
  }
}

}  // namespace
}  // namespace farebox
