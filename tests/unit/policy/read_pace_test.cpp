#include "policy/read_pace.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using std::chrono::microseconds, std::chrono::milliseconds, std::chrono::seconds;

void quick(ReadPace& pace, SteadyTime now, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) pace.add(microseconds(20), now);
}

TEST(ReadPace, MustBeEarned) {
  ReadPace pace;
  const SteadyTime now{seconds(100)};
  EXPECT_FALSE(pace.is_quick(now));
  quick(pace, now, ReadPace::kEnough - 1);
  EXPECT_FALSE(pace.is_quick(now));
  quick(pace, now, 1);
  EXPECT_TRUE(pace.is_quick(now));
}

TEST(ReadPace, OneSlowReadEndsItLongerEachTime) {
  ReadPace pace;
  SteadyTime now{seconds(100)};
  for (const int pause : {1, 2, 4, 8, 16, 32, 64, 64}) {
    quick(pace, now, ReadPace::kEnough);
    ASSERT_TRUE(pace.is_quick(now)) << pause;
    pace.add(milliseconds(3), now);
    quick(pace, now, 1'000);
    EXPECT_FALSE(pace.is_quick(now + seconds(pause) - milliseconds(1))) << pause;
    now += seconds(pause);
    EXPECT_TRUE(pace.is_quick(now)) << pause;
  }
}

TEST(ReadPace, IsForgivenInTheEnd) {
  ReadPace pace;
  SteadyTime now{seconds(100)};
  for (int i = 0; i < 5; ++i) pace.add(milliseconds(3), now);
  quick(pace, now, 200'000);
  pace.add(milliseconds(3), now);
  quick(pace, now, ReadPace::kEnough);
  EXPECT_TRUE(pace.is_quick(now + seconds(1)));
}

}  // namespace
}  // namespace farebox
