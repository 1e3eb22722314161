// When the wall clock is believed: a clock two years ahead for five seconds once pruned a whole
// ledger.
#include "policy/wall_watch.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::years;

class Watch : public ::testing::Test {
 protected:
  // So much time passes on both clocks, and the wall clock is set by `jump` besides.
  WallWatch::Look after(std::chrono::nanoseconds time, std::chrono::nanoseconds jump = 0ns) {
    steady_ += time;
    wall_ += std::chrono::duration_cast<WallTime::duration>(time + jump);
    return watch_.look(wall_, steady_, newest_);
  }

  WallWatch watch_;
  WallTime wall_ = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  SteadyTime steady_{1000s};
  std::optional<WallTime> newest_ = wall_ - 2h;
};

TEST_F(Watch, BelievesAClockThatGoesOnFromWhatItWrote) { EXPECT_TRUE(after(0s).believed); }

TEST_F(Watch, WaitsAnHourWhereItCannotTell) {
  using Age = std::optional<std::chrono::hours>;
  for (const Age age : {Age(), Age(days(32)), Age(-1h)}) {
    watch_ = WallWatch();
    newest_.reset();
    if (age) newest_ = wall_ - *age;
    EXPECT_FALSE(after(0s).believed);
    EXPECT_FALSE(after(59min).believed);
    EXPECT_TRUE(after(2min).believed);
  }
}

TEST_F(Watch, AJumpIsSeenOnceAndBelievedAfterAnHour) {
  for (const std::chrono::nanoseconds jump : {std::chrono::nanoseconds(years(2)), std::chrono::nanoseconds(-years(2)),
                                              std::chrono::nanoseconds(11min), std::chrono::nanoseconds(-11min)}) {
    watch_ = WallWatch();
    newest_ = wall_;
    EXPECT_TRUE(after(0s).believed);
    const auto seen = after(5s, jump);
    EXPECT_EQ(seen.jump, jump);
    EXPECT_FALSE(seen.believed);
    EXPECT_EQ(after(5s).jump, 0ns);
    EXPECT_FALSE(after(58min).believed);
    EXPECT_TRUE(after(2min).believed);
  }
}

TEST_F(Watch, AJumpThereAndBackIsNeverBelieved) {
  EXPECT_TRUE(after(0s).believed);
  EXPECT_FALSE(after(5s, years(2)).believed);
  EXPECT_FALSE(after(5s, -years(2)).believed);
}

TEST_F(Watch, ALittleIsNoJump) {
  EXPECT_TRUE(after(0s).believed);
  for (int i = 0; i < 100; ++i) {
    const auto seen = after(5s, i % 2 == 0 ? 9min : -9min);
    EXPECT_EQ(seen.jump, 0ns);
    EXPECT_TRUE(seen.believed);
  }
}

}  // namespace
}  // namespace farebox
