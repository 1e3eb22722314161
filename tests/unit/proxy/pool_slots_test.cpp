// Who may open a connection, and how pool.min is shared out.
#include "proxy/upstream_slots.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace farebox {
namespace {

PoolSlots::Member member(const void* id) { return {id, [] {}, [] {}}; }

TEST(PoolSlots, SharesAddUpToTheWhole) {
  for (std::uint32_t workers = 1; workers <= 5; ++workers) {
    for (std::uint32_t total = 0; total <= 11; ++total) {
      PoolSlots slots(100);
      std::vector<int> ids(workers);
      for (const int& id : ids) slots.join(member(&id));
      std::uint32_t sum = 0;
      for (const int& id : ids) {
        const std::uint32_t share = slots.share_of(&id, total);
        EXPECT_LE(share, total / workers + 1);
        EXPECT_GE(share, total / workers);
        sum += share;
      }
      EXPECT_EQ(sum, total);
      EXPECT_EQ(slots.share_of(&slots, total), 0u);  // no member
    }
  }
}

TEST(PoolSlots, NothingIsSpareWhereSomebodyWaits) {
  PoolSlots slots(1);
  int a = 0, b = 0;
  int told = 0;
  slots.join({&a, [&] { ++told; }, [] {}});
  slots.join(member(&b));
  EXPECT_TRUE(slots.take_spare());
  EXPECT_FALSE(slots.take_spare());
  EXPECT_FALSE(slots.take(&a));
  slots.release();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(slots.take(&a));
  EXPECT_FALSE(slots.take_spare());
  slots.release();
  EXPECT_TRUE(slots.take_spare());
}

}  // namespace
}  // namespace farebox
