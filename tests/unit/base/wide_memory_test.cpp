#include "config/base/wide_memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace farebox {
namespace {

struct Counted {
  Counted() { ++alive; }
  ~Counted() { --alive; }
  static inline int alive = 0;
  std::uint64_t number = 0;
  char room[248] = {};
};

TEST(WideList, ElementsStayWhereTheyAreAndEndWithIt) {
  {
    WideList<Counted> list;
    std::vector<Counted*> places;
    for (std::uint64_t i = 0; i < 20'000; ++i) {  // three blocks
      places.push_back(&list.emplace_back());
      places.back()->number = i;
    }
    ASSERT_EQ(list.size(), places.size());
    for (std::uint64_t i = 0; i < places.size(); ++i) {
      ASSERT_EQ(&list[i], places[i]);
      ASSERT_EQ(list[i].number, i);
    }
    std::uint64_t seen = 0;
    list.each([&](Counted& one) { seen += one.number == seen; });
    EXPECT_EQ(seen, places.size());
    EXPECT_EQ(Counted::alive, 20'000);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(WideAllocator, ServesSmallAndLargeVectors) {
  std::vector<std::uint64_t, WideAllocator<std::uint64_t>> numbers;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) numbers.push_back(i);
  for (std::uint64_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], i);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(numbers.data()) % kWidePage, 0u);
  numbers.assign(3, 7);
  numbers.shrink_to_fit();
  EXPECT_EQ(numbers, (std::vector<std::uint64_t, WideAllocator<std::uint64_t>>{7, 7, 7}));
}

}  // namespace
}  // namespace farebox
