#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "proxy/http/head.hpp"

namespace farebox::http {
namespace {

// Names are compared eight octets at a time; octet by octet says the same.
TEST(EqualsIgnoringCase, IsWhatOctetByOctetSays) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  std::mt19937_64 random(3);
  constexpr std::string_view kOctets = "aAzZ@[`{kK-_\x80\xff\xc1\xe1 0";
  for (int round = 0; round < 20'000; ++round) {
    std::string a(random() % 40, ' ');
    for (char& c : a) c = kOctets[random() % kOctets.size()];
    std::string b = a;
    for (char& c : b) {
      if (random() % 3 == 0) c = lower(c);
    }
    if (!b.empty() && random() % 2 == 0) b[random() % b.size()] = kOctets[random() % kOctets.size()];
    const bool same = std::equal(a.begin(), a.end(), b.begin(), b.end(),
                                 [&](char x, char y) { return lower(x) == lower(y); });
    ASSERT_EQ(equals_ignoring_case(a, b), same) << a << " " << b;
  }
}

}  // namespace
}  // namespace farebox::http
