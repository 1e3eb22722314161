#include "policy/retry_storms.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;

const WallTime kStart = std::chrono::sys_days(std::chrono::year(2026) / 4 / 6);

// So many calls of a project, of which some repeat.
void call(RetryTally& tally, const char* project, int calls, int retries, const char* key = "k") {
  for (int i = 0; i < calls; ++i) tally.count({project, key, "gpt"}, i < retries);
}

RetryTally hour_of(std::initializer_list<std::pair<const char*, int>> projects) {
  RetryTally tally;
  for (const auto& [project, retries] : projects) call(tally, project, 100, retries);
  return tally;
}

std::vector<std::string> scopes(const std::vector<SpendAnomaly>& storms) {
  std::vector<std::string> scopes;
  for (const SpendAnomaly& each : storms) scopes.push_back(each.scope);
  return scopes;
}

using Scopes = std::vector<std::string>;

TEST(RetryTally, CountsByNamesAndIsTaken) {
  RetryTally tally, sum;
  tally.count({"a", "k", "gpt"}, false);
  tally.count({"a", "k", "gpt"}, true);
  tally.count({"", "", ""}, true);
  tally.move_into(sum);
  EXPECT_EQ(tally.total().requests, 0U);
  EXPECT_EQ(sum.total().requests, 3U);
  EXPECT_EQ(sum.total().retries, 2U);
  std::map<std::string, std::uint64_t> retries;
  sum.each([&](const RetryTally::Names& names, const RetryHour& hour) {
    retries[std::string(names.project) + "/" + std::string(names.key) + "/" + std::string(names.model)] +=
        hour.retries;
  });
  EXPECT_EQ(retries, (std::map<std::string, std::uint64_t>{{"a/k/gpt", 1}, {"//", 1}}));
  tally.move_into(sum);
  EXPECT_EQ(sum.total().requests, 3U) << "taken once";
}

TEST(RetryTally, IsBoundedAndCountsAllInTheTotal) {
  RetryTally tally;
  const std::string long_name(10'000, 'x');
  for (std::size_t i = 0; i < 2 * RetryTally::kMost; ++i) {
    tally.count({"p" + std::to_string(i), long_name, ""}, true);
  }
  std::size_t places = 0;
  tally.each([&](const RetryTally::Names& names, const RetryHour&) {
    ++places;
    EXPECT_EQ(names.key.size(), RetryTally::kMostName);
  });
  EXPECT_EQ(places, RetryTally::kMost);
  EXPECT_EQ(tally.total().retries, 2 * RetryTally::kMost);
  // What nobody uses makes room: the names of this hour, then those of the next.
  RetryTally sum;
  tally.move_into(sum);
  tally.move_into(sum);
  tally.count({"new", "", ""}, true);
  bool found = false;
  tally.each([&](const RetryTally::Names& names, const RetryHour&) { found |= names.project == "new"; });
  EXPECT_TRUE(found);
}

TEST(RetryStorms, AreOfTheProjectThatHasThem) {
  RetryStorms storms;
  for (std::size_t i = 0; i < kHoursOfWeek; ++i) {
    EXPECT_TRUE(storms.add_hour(hour_of({{"a", 1}, {"b", 1}, {"c", 1}}), kStart + i * 1h).empty());
  }
  // A fourth of one project is little of all.
  const auto told = storms.add_hour(hour_of({{"a", 25}, {"b", 1}, {"c", 1}}), kStart);
  EXPECT_EQ(scopes(told), Scopes{"project=a"});
  EXPECT_EQ(told[0].requests, 100U);
  EXPECT_EQ(told[0].retries, 25U);
  ASSERT_EQ(told[0].repeaters.size(), 2U);
  EXPECT_EQ(told[0].repeaters[0].name, "k");
  EXPECT_EQ(told[0].repeaters[0].retries, 25U);
}

TEST(RetryStorms, AreToldOnceUntilAnHourWithout) {
  RetryStorms storms;
  for (std::size_t i = 0; i < kHoursOfWeek; ++i) storms.add_hour(hour_of({{"", 1}}), kStart);
  EXPECT_EQ(scopes(storms.add_hour(hour_of({{"", 60}}), kStart)), Scopes{"all"});
  EXPECT_TRUE(storms.add_hour(hour_of({{"", 60}}), kStart).empty());
  EXPECT_TRUE(storms.add_hour(hour_of({}), kStart).empty()) << "nobody called";
  EXPECT_EQ(scopes(storms.add_hour(hour_of({{"", 60}}), kStart)), Scopes{"all"});
}

TEST(RetryStorms, TheProjectsThatCallMostAreWatched) {
  RetryStorms storms;
  for (std::size_t i = 0; i < kHoursOfWeek; ++i) {
    RetryTally tally;
    for (std::size_t p = 0; p < RetryStorms::kMostProjects; ++p) {
      call(tally, ("p" + std::to_string(p)).c_str(), 3, 0);
    }
    call(tally, "small", 1, 0);
    if (i >= 84) call(tally, "large", 200, 0);
    storms.add_hour(tally, kStart);
  }
  const auto memory = storms.memory();
  EXPECT_EQ(memory.size(), RetryStorms::kMostProjects + 1);
  const auto has = [&](std::string_view name) {
    return std::any_of(memory.begin(), memory.end(), [&](const auto& each) { return each.project == name; });
  };
  EXPECT_TRUE(has("large"));
  EXPECT_FALSE(has("small"));
  for (int i = 0; i < 2'000; ++i) storms.add_hour(RetryTally(), kStart);
  EXPECT_EQ(storms.memory().size(), 1U) << "what calls no more is forgotten";
}

TEST(RetryStorms, WhatIsRememberedJudgesTheSame) {
  RetryStorms storms, other;
  for (std::size_t i = 0; i < 200; ++i) storms.add_hour(hour_of({{"a", static_cast<int>(i % 7)}}), kStart);
  other.restore(storms.memory());
  for (int i = 0; i < 300; ++i) {
    const auto hour = hour_of({{"a", i % 30}});
    EXPECT_EQ(scopes(storms.add_hour(hour, kStart)), scopes(other.add_hour(hour, kStart))) << i;
  }
}

}  // namespace
}  // namespace farebox
