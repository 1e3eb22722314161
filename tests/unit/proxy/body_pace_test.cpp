#include <gtest/gtest.h>

#include "proxy/stages/request_body.hpp"

namespace farebox::stages {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1h};

TEST(BodyPace, WhatComesSteadilyMayTakeLong) {
  BodyPace pace(kStart, 60s);
  SteadyTime now = kStart;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_LT(now, pace.until()) << i;
    now += 1s;
    pace.came(now, 1 << 10);
  }
  EXPECT_EQ(pace.until(), kStart + 60s + 10'000s);
}

TEST(BodyPace, WhatStallsOrDribblesEnds) {
  BodyPace pace(kStart, 60s);
  EXPECT_EQ(pace.until(), kStart + 60s);
  pace.came(kStart + 59s, 1);
  EXPECT_LT(pace.until(), kStart + 61s);
  BodyPace another(kStart, 60s);
  another.came(kStart + 1s, 1 << 20);
  EXPECT_EQ(another.until(), kStart + 61s);  // nothing more came
}

// 63 MiB at once earned 18 hours, in which an octet now and then held them.
TEST(BodyPace, WhatCameFastIsNoReasonToHoldItForLong) {
  BodyPace pace(kStart, 60s);
  pace.came(kStart, 63 << 20);
  SteadyTime now = kStart;
  while (now < pace.until()) {
    now += 5s;
    pace.came(now, 1);
  }
  EXPECT_LE(now - kStart, 130s);
  pace.came(now, std::uint64_t{1} << 63);
  EXPECT_LE(pace.until(), now + 120s);
}

}  // namespace
}  // namespace farebox::stages
