// What is turned away, and when: connections of one address, calls when memory is short.
#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <vector>

#include "proxy/admission.hpp"

namespace farebox {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

ClientCounts::Address address(const char* text) {
  sockaddr_storage peer{};
  auto& four = reinterpret_cast<sockaddr_in&>(peer);
  auto& six = reinterpret_cast<sockaddr_in6&>(peer);
  if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    peer.ss_family = AF_INET;
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text, &six.sin6_addr), 1) << text;
    peer.ss_family = AF_INET6;
  }
  return *ClientCounts::address_of(peer);
}

TEST(ClientCounts, AnAddressHasNoMoreThanItsConnections) {
  ClientCounts counts;
  std::vector<ClientCounts::Place> places;
  for (int i = 0; i < 3; ++i) {
    auto place = counts.enter(address("192.0.2.1"), 3);
    ASSERT_TRUE(place);
    places.push_back(std::move(*place));
  }
  EXPECT_FALSE(counts.enter(address("192.0.2.1"), 3));
  EXPECT_TRUE(counts.enter(address("192.0.2.2"), 3));
  places.pop_back();
  EXPECT_TRUE(counts.enter(address("192.0.2.1"), 3));
  // A limit that was lowered holds for who comes now.
  EXPECT_FALSE(counts.enter(address("192.0.2.1"), 1));
  places.clear();
  EXPECT_EQ(counts.addresses(), 0u);
}

TEST(ClientCounts, OneNetworkOfIpv6IsOneClientAndIpv4IsOneInEitherSpelling) {
  EXPECT_EQ(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
  EXPECT_NE(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
  EXPECT_EQ(address("::ffff:192.0.2.1"), address("192.0.2.1"));
  EXPECT_NE(address("192.0.2.1"), address("192.0.2.2"));
  sockaddr_storage nobody{};
  nobody.ss_family = AF_UNIX;
  EXPECT_FALSE(ClientCounts::address_of(nobody));
}

TEST(MemoryCeiling, ShedsBeyondItsMarkUntilItIsWellBelow) {
  MemoryCeiling memory;
  EXPECT_FALSE(memory.sheds(1ull << 50));  // no ceiling
  struct Row {
    std::uint64_t resident;
    bool sheds;
  };
  const Row rows[] = {{100, false}, {899, false}, {900, true},  {870, true},
                      {850, true},  {849, false}, {870, false}, {900, true}};
  for (const Row& row : rows) {
    memory.note(row.resident * kMiB, 1000 * kMiB, 0);
    EXPECT_EQ(memory.sheds(0), row.sheds) << row.resident;
    EXPECT_EQ(memory.shedding(), row.sheds) << row.resident;
  }
  memory.note(900 * kMiB, 0, 0);
  EXPECT_FALSE(memory.sheds(0));  // a reload took the ceiling away
  EXPECT_FALSE(memory.shedding());
}

TEST(MemoryCeiling, BodiesThatGrewSinceTheLookCount) {
  MemoryCeiling memory;
  memory.note(800 * kMiB, 1000 * kMiB, 50 * kMiB);
  EXPECT_FALSE(memory.sheds(149 * kMiB));
  EXPECT_TRUE(memory.sheds(150 * kMiB));
  EXPECT_FALSE(memory.sheds(10 * kMiB));  // some went meanwhile
}

TEST(MemoryCeiling, BodiesTakeAQuarterAtMost) {
  MemoryCeiling memory;
  EXPECT_EQ(memory.body_room(512 * kMiB), 512 * kMiB);
  memory.note(1, 1000 * kMiB, 0);
  EXPECT_EQ(memory.body_room(512 * kMiB), 225 * kMiB);
  EXPECT_EQ(memory.body_room(100 * kMiB), 100 * kMiB);
}

TEST(MemoryCeiling, OneLooksAtATime) {
  MemoryCeiling memory;
  const SteadyTime now{std::chrono::seconds(100)};
  EXPECT_TRUE(memory.due(now));
  EXPECT_FALSE(memory.due(now));
  EXPECT_FALSE(memory.due(now + std::chrono::milliseconds(99)));
  EXPECT_TRUE(memory.due(now + std::chrono::milliseconds(100)));
}

TEST(MemoryCeiling, TheSystemIsReadAsItWrites) {
  struct Row {
    const char* text;
    std::uint64_t limit;
  };
  const Row rows[] = {{"max", 0}, {"", 0}, {"268435456", 268435456}, {"9223372036854771712", 0},
                      {"-1", 0}, {"123x", 123}, {"99999999999999999999999", 0}};
  for (const Row& row : rows) EXPECT_EQ(parse_memory_limit(row.text), row.limit) << row.text;
  EXPECT_GT(resident_memory(), kMiB);
  EXPECT_LT(resident_memory(), 1ull << 46);
}

}  // namespace
}  // namespace farebox
