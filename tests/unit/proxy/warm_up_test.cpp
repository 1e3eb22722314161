// How a pool fills up to its share, and that it storms nobody who is down.
#include "proxy/warm_up.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(WarmUp, FillsUpAFewAtATime) {
  const WarmUp warm(1);
  struct Row {
    std::size_t wanted, open, dialling, due;
  };
  const Row rows[] = {{0, 0, 0, 0}, {3, 0, 0, 3}, {3, 3, 0, 0}, {3, 5, 0, 0}, {3, 2, 1, 1},
                      {20, 0, 0, 4}, {20, 3, 3, 1}, {20, 4, 4, 0}, {20, 9, 7, 0}};
  for (const Row& row : rows) {
    EXPECT_EQ(warm.due(row.wanted, row.open, row.dialling, SteadyTime(seconds(9))), row.due)
        << row.wanted << " " << row.open << " " << row.dialling;
  }
}

TEST(WarmUp, RestsLongerEachTimeItFails) {
  WarmUp warm(7);
  SteadyTime now(seconds(1'000));
  std::size_t failures = 0;
  // Asked once a second for an hour, all dials fail.
  for (int second = 0; second < 3'600; ++second, now += seconds(1)) {
    const std::size_t due = warm.due(8, 0, 0, now);
    failures += due;
    for (std::size_t i = 0; i < due; ++i) warm.failed(now);
  }
  // A minute's rest at most and half of one at least: 60 to 120 rests of four dials, and the
  // short ones at the begin.
  EXPECT_GE(failures, 60u * WarmUp::kAtOnce);
  EXPECT_LE(failures, 130u * WarmUp::kAtOnce);
}

TEST(WarmUp, GoesOnAtOnceWhenTheProviderIsWell) {
  WarmUp warm(3);
  const SteadyTime now(seconds(1'000));
  warm.failed(now);
  EXPECT_EQ(warm.due(4, 0, 0, now + milliseconds(1)), 0u);
  warm.encourage();
  EXPECT_EQ(warm.due(4, 0, 0, now + milliseconds(1)), 4u);
  // And the next rest is a short one again.
  warm.failed(now);
  EXPECT_EQ(warm.due(4, 0, 0, now + milliseconds(1'001)), 4u);
}

}  // namespace
}  // namespace farebox
