#include "proxy/machine.hpp"

#include <gtest/gtest.h>

#include "storage/open_tables.hpp"

namespace farebox {
namespace {

// 32 were kept whatever the limit, and the admin port and the store alone might take 512: calls
// of clients that were let in found no descriptor.
TEST(Machine, WhoIsLetInFindsADescriptorForItsProvider) {
  for (const std::uint64_t limit : {128u, 256u, 512u, 1'024u, 2'048u, 4'095u}) {
    for (const std::size_t workers : {1u, 4u}) {
      const DescriptorShares shares = share_descriptors(limit, workers);
      const auto tables = static_cast<std::uint64_t>(open_tables(limit));
      const std::uint64_t own = 32 + 4 * workers;  // what a start opens, a cache included
      EXPECT_LE(own + shares.admin + 2 * tables + 2 * std::uint64_t{shares.clients}, limit);
      EXPECT_GE(shares.clients, limit / 16) << limit;
      EXPECT_GE(shares.admin, 4u) << limit;
    }
  }
  EXPECT_EQ(share_descriptors(1'024, 4).clients, 422u);
}

TEST(Machine, ManyDescriptorsAreSharedAsEver) {
  for (const std::uint64_t limit : {4'096u, 65'536u, 200'032u}) {
    const DescriptorShares shares = share_descriptors(limit, 4);
    EXPECT_EQ(shares.clients, (limit - 32) / 2);
    EXPECT_EQ(shares.admin, 256u);
    EXPECT_EQ(open_tables(limit), 256);
  }
}

TEST(Machine, HardlyAnyStillLetSomebodyIn) {
  for (const std::uint64_t limit : {0u, 1u, 40u, 64u}) {
    EXPECT_GE(share_descriptors(limit, 4).clients, 1u) << limit;
  }
}

}  // namespace
}  // namespace farebox
