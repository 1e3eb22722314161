#include "policy/key_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace farebox {
namespace {

using std::chrono::hours;

const WallTime kNow = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21));

std::string key_text(std::mt19937_64& random) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text = "fb-";
  while (text.size() < 46) text += kAlphabet[random() % kAlphabet.size()];
  return text;
}

VirtualKey key_of(std::string name, std::string_view text) {
  VirtualKey key;
  key.id = key.name = std::move(name);
  key.models = {"*"};
  key.hashes = {{sha256(text), std::nullopt}};
  return key;
}

TEST(Glob, StarsStandForAnyText) {
  struct Row {
    const char *pattern, *text;
    bool expected;
  };
  for (const Row& row : {Row{"*", "", true}, Row{"*", "gpt-4o", true}, Row{"", "", true},
                         Row{"", "a", false}, Row{"gpt-4o", "gpt-4o", true},
                         Row{"gpt-4o", "gpt-4o-mini", false}, Row{"gpt-4o", "GPT-4o", false},
                         Row{"gpt-4o*", "gpt-4o-mini", true}, Row{"gpt-4o*", "gpt-4o", true},
                         Row{"*-mini", "gpt-4o-mini", true}, Row{"*-mini", "gpt-4o-mini-x", false},
                         Row{"a*b*c", "abc", true}, Row{"a*b*c", "aXbYbZc", true},
                         Row{"a*b*c", "acb", false}, Row{"**", "x", true},
                         Row{"gpt-4?", "gpt-4o", false}, Row{"claude-*", "anthropic/claude-x", false}}) {
    EXPECT_EQ(matches_glob(row.pattern, row.text), row.expected) << row.pattern << " " << row.text;
  }
  // A pattern meant to take long takes no longer than pattern times text.
  std::string stars;
  for (int i = 0; i < 60; ++i) stars += "*a";
  EXPECT_FALSE(matches_glob(stars + "b", std::string(5'000, 'a')));
}

TEST(VirtualKey, SaysWhatItAllows) {
  VirtualKey key = key_of("a", "x");
  EXPECT_TRUE(key.any_model() && key.allows_model("anything") && key.allows_provider("openai"));
  key.models = {"gpt-4o*", "o3"};
  key.providers = {"openai"};
  key.dialects = {"openai", "anthropic"};
  EXPECT_FALSE(key.any_model());
  EXPECT_TRUE(key.allows_model("o3") && key.allows_model("gpt-4o-mini"));
  EXPECT_FALSE(key.allows_model("o3-mini") || key.allows_model("") || key.allows_provider("azure") ||
               key.allows_dialect("gemini"));
  key.models = {};
  EXPECT_FALSE(key.any_model() || key.allows_model("o3"));
}

TEST(KeyRing, FindsAKeyByItsHashAndSaysItsState) {
  std::mt19937_64 random(1);
  std::vector<std::string> texts;
  std::vector<VirtualKey> keys;
  for (int i = 0; i < 500; ++i) {
    texts.push_back(key_text(random));
    keys.push_back(key_of("k" + std::to_string(i), texts.back()));
  }
  keys[1].revoked = true;
  keys[2].expires = kNow;
  keys[3].expires = kNow + hours(1);
  keys[4].expires = kNow - hours(1);
  keys[4].revoked = true;
  const KeyRing ring(std::move(keys));
  const auto state = [&](std::size_t i) {
    const auto found = ring.find(sha256(texts[i]), kNow);
    EXPECT_EQ(found.index, i);
    return found.state;
  };
  EXPECT_EQ(state(0), KeyState::active);
  EXPECT_EQ(state(1), KeyState::revoked);
  EXPECT_EQ(state(2), KeyState::expired);
  EXPECT_EQ(state(3), KeyState::active);
  EXPECT_EQ(state(4), KeyState::revoked);
  for (std::size_t i = 5; i < 500; ++i) EXPECT_EQ(state(i), KeyState::active);
  EXPECT_EQ(ring.find(sha256("fb-nobody"), kNow).state, KeyState::unknown);
  EXPECT_EQ(ring.find(Digest{}, kNow).state, KeyState::unknown);
  EXPECT_EQ(KeyRing().find(sha256(texts[0]), kNow).state, KeyState::unknown);
  EXPECT_EQ(KeyRing().find(Digest{}, kNow).state, KeyState::unknown);
}

TEST(KeyRing, ARotatedKeyWorksUntilItsOverlapEnds) {
  VirtualKey key = key_of("a", "new");
  key.hashes.push_back({sha256("old"), kNow + hours(24)});
  const KeyRing ring({key});
  const auto state = [&](const char* text, WallTime now) { return ring.find(sha256(text), now).state; };
  EXPECT_EQ(state("new", kNow), KeyState::active);
  EXPECT_EQ(state("old", kNow), KeyState::active);
  EXPECT_EQ(state("old", kNow + hours(24) - std::chrono::microseconds(1)), KeyState::active);
  EXPECT_EQ(state("old", kNow + hours(24)), KeyState::rotated);
  EXPECT_EQ(state("new", kNow + hours(24)), KeyState::active);
}

TEST(KeyRing, OfTwoKeysWithOneHashTheFirstCounts) {
  VirtualKey second = key_of("second", "same");
  const KeyRing ring({key_of("first", "same"), second});
  EXPECT_EQ(ring.find(sha256("same"), kNow).index, 0u);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kTimed = false;
#else
constexpr bool kTimed = true;
#endif

// X17: nothing near a key is that key.
TEST(KeyRing, KeysCannotBeConfused) {
  std::mt19937_64 random(17);
  std::vector<std::string> texts;
  std::vector<VirtualKey> keys;
  for (int i = 0; i < 16; ++i) {
    texts.push_back(key_text(random));
    keys.push_back(key_of("k", texts.back()));
  }
  const KeyRing ring(std::move(keys));
  int accepted = 0;
  for (int i = 0; i < (kTimed ? 1'000'000 : 100'000); ++i) {
    std::string text = texts[random() % texts.size()];
    const std::size_t at = random() % text.size();
    switch (random() % 7) {
      case 0: text.resize(at); break;
      case 1: text += static_cast<char>(random()); break;
      case 2: text[at] = static_cast<char>(text[at] ^ 0x20); break;
      case 3: text.insert(at, 1, '\0'); break;
      case 4: text = text.substr(0, at) + texts[random() % texts.size()].substr(at); break;
      case 5: text += "' OR '1'='1"; break;
      default: text[at] = static_cast<char>(text[at] ^ (1 << random() % 8)); break;
    }
    if (std::find(texts.begin(), texts.end(), text) != texts.end()) continue;
    accepted += ring.find(sha256(text), kNow).state != KeyState::unknown;
  }
  EXPECT_EQ(accepted, 0);
}

TEST(Digests, AreWrittenAndRead) {
  // FIPS 180-4's example "abc".
  EXPECT_EQ(digest_text(sha256("abc")),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(parse_digest(digest_text(sha256("x"))), sha256("x"));
  EXPECT_EQ(parse_digest("sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
            sha256("abc"));
  for (const char* const bad : {"", "sha256:", "ba7816bf", "sha256:zz", "SHA256:aa"}) {
    EXPECT_FALSE(parse_digest(bad)) << bad;
  }
  EXPECT_TRUE(same_digest(sha256("a"), sha256("a")));
  EXPECT_FALSE(same_digest(sha256("a"), sha256("b")));
}

// Welch's t of how long `checks` takes by which of two hashes is presented. What a busy
// machine added is cut off at one bound for both (as dudect does).
template <class Check>
double welch_t(std::mt19937_64& random, const Check& check) {
  struct Sample {
    bool second = false;
    double took = 0;
  };
  std::vector<Sample> samples(100'000);
  std::vector<double> sorted;
  for (Sample& sample : samples) {
    sample.second = random() & 1;
    const auto start = std::chrono::steady_clock::now();
    check(sample.second);
    sample.took = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    sorted.push_back(sample.took);
  }
  std::sort(sorted.begin(), sorted.end());
  const double bound = sorted[sorted.size() * 9 / 10];
  double count[2]{}, sum[2]{}, squares[2]{};
  for (const Sample& sample : samples) {
    if (sample.took > bound) continue;
    ++count[sample.second];
    sum[sample.second] += sample.took;
    squares[sample.second] += sample.took * sample.took;
  }
  double mean[2], error[2];
  for (int side = 0; side < 2; ++side) {
    mean[side] = sum[side] / count[side];
    error[side] = (squares[side] / count[side] - mean[side] * mean[side]) / count[side];
  }
  return (mean[0] - mean[1]) / std::sqrt(error[0] + error[1] + 1e-9);
}

// X3: how long a check takes tells nothing of how much of the hash is right. The median of
// some rounds of 100,000 checks, because the machine is shared.
TEST(KeyRing, ChecksTakeTheSameTimeWhereverTheyFail) {
  if (!kTimed) GTEST_SKIP() << "sanitizers have times of their own";
  const Digest real = sha256("the key");
  const KeyRing ring({key_of("a", "the key")});
  Digest hashes[2] = {real, real};
  hashes[0][8] = static_cast<unsigned char>(hashes[0][8] ^ 1);  // behind what the index looks at
  hashes[1][31] = static_cast<unsigned char>(hashes[1][31] ^ 1);
  std::mt19937_64 random(3);
  std::size_t found = 0;
  std::vector<double> rounds;
  for (int round = 0; round < 11; ++round) {
    rounds.push_back(std::abs(welch_t(random, [&](bool second) {
      for (int again = 0; again < 4; ++again) {
        found += ring.find(hashes[second], kNow).state == KeyState::active;
      }
    })));
  }
  EXPECT_EQ(found, 0u);
  std::sort(rounds.begin(), rounds.end());
  RecordProperty("t", std::to_string(rounds[5]) + ", at most " + std::to_string(rounds.back()));
  EXPECT_LT(rounds[5], 4.5);
}

}  // namespace
}  // namespace farebox
