#include "storage/turn_log.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/storage/ledger_support.hpp"

namespace farebox {
namespace {

Turn turn_of(std::uint64_t hold, std::string_view octets) {
  Turn turn;
  for (const Turn::What what : {Turn::What::hold, Turn::What::release, Turn::What::settle}) {
    Turn::Write& write = turn.writes.emplace_back();
    write.what = what;
    write.hold = HoldId{hold};
    write.offset = turn.octets.size();
    if (what == Turn::What::release) continue;
    turn.octets += octets;
    write.size = octets.size();
  }
  return turn;
}

void expect_turn(const Turn& turn, std::uint64_t number, std::uint64_t hold,
                 std::string_view octets) {
  EXPECT_EQ(turn.number, number);
  ASSERT_EQ(turn.writes.size(), 3u);
  EXPECT_EQ(turn.writes[0].what, Turn::What::hold);
  EXPECT_EQ(turn.writes[1].what, Turn::What::release);
  EXPECT_EQ(turn.writes[2].what, Turn::What::settle);
  EXPECT_EQ(turn.octets_of(turn.writes[0]), octets);
  EXPECT_EQ(turn.octets_of(turn.writes[1]), "");
  EXPECT_EQ(turn.octets_of(turn.writes[2]), octets);
  for (const Turn::Write& write : turn.writes) EXPECT_EQ(write.hold.value, hold);
}

class TurnLogTest : public ::testing::Test {
 protected:
  std::unique_ptr<TurnLog> open(std::uint64_t epoch) {
    auto log = TurnLog::open(path_, epoch);
    EXPECT_TRUE(log) << log.error().context;
    return std::move(*log);
  }

  TestDirectory directory_;
  const std::string path_ = directory_.path() + "/turns";
};

TEST_F(TurnLogTest, WhatIsAppendedIsReadByWhoeverComesNext) {
  const auto log = open(7);
  for (std::uint64_t i = 1; i <= 50; ++i) {
    ASSERT_TRUE(log->append(i, turn_of(i * 3, std::string(i * 13, 'a'))));
  }
  // The writer is still there, as after kill -9 nobody has closed anything.
  const std::vector<Turn> all = TurnLog::read(path_, 7, 0).turns;
  ASSERT_EQ(all.size(), 50u);
  for (std::uint64_t i = 1; i <= 50; ++i) {
    expect_turn(all[i - 1], i, i * 3, std::string(i * 13, 'a'));
  }
  EXPECT_EQ(TurnLog::read(path_, 7, 48).turns.size(), 2u);
  EXPECT_TRUE(TurnLog::read(path_, 7, 50).turns.empty());
  EXPECT_TRUE(TurnLog::read(path_, 6, 0).turns.empty());
  EXPECT_TRUE(TurnLog::read(path_ + "x", 7, 0).turns.empty());
}

TEST_F(TurnLogTest, WithoutRoomNothingIsOverwrittenThatTheStoreLacks) {
  const auto log = open(1);
  const Turn turn = turn_of(1, std::string(100'000, 'b'));
  std::uint64_t number = 0;
  while (log->append(number + 1, turn)) ++number;
  EXPECT_EQ(number, 2 * (TurnLog::kSegment / 200'112));
  EXPECT_EQ(TurnLog::read(path_, 1, 0).turns.size(), number);
  log->release(number / 2 - 1);
  EXPECT_FALSE(log->append(number + 1, turn));
  log->release(number / 2);
  EXPECT_TRUE(log->append(number + 1, turn));
  EXPECT_EQ(TurnLog::read(path_, 1, number / 2).turns.size(), number / 2 + 1);
  EXPECT_FALSE(log->append(number + 2, turn_of(1, std::string(TurnLog::kSegment, 'c'))));
}

TEST_F(TurnLogTest, RoundAndRoundTheNewestTurnsAreThere) {
  const auto log = open(1);
  std::mt19937_64 random(1);
  for (std::uint64_t number = 1; number <= 20'000; ++number) {
    ASSERT_TRUE(log->append(number, turn_of(number, std::string(random() % 900, 'd'))));
    if (number > 20) log->release(number - 20);
    if (number % 997 == 0) {
      const std::vector<Turn> left = TurnLog::read(path_, 1, number - 20).turns;
      ASSERT_EQ(left.size(), 20u);
      EXPECT_EQ(left.back().number, number);
    }
  }
}

TEST_F(TurnLogTest, ANewEpochForgetsTheOldOne) {
  { ASSERT_TRUE(open(1)->append(1, turn_of(1, "old"))); }
  { ASSERT_TRUE(open(1)->append(2, turn_of(2, "older frames end where this one does"))); }
  const auto log = open(2);
  EXPECT_TRUE(TurnLog::read(path_, 2, 0).turns.empty());
  ASSERT_TRUE(log->append(5, turn_of(5, "new")));
  EXPECT_EQ(TurnLog::read(path_, 2, 4).turns.size(), 1u);
}

// The power-loss suite found this: what the loss had torn stayed behind the new epoch's
// frames, and `verify` called it damage for as long as nothing had overwritten it.
TEST_F(TurnLogTest, WhatAPowerLossToreIsGoneWithItsEpoch) {
  { ASSERT_TRUE(open(1)->append(1, turn_of(1, std::string(9'000, 'x')))); }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096).write(std::string(4096, '\0').data(), 4096);
  }
  EXPECT_EQ(TurnLog::read(path_, 1, 0).fault, "is damaged at octet 0");
  const auto log = open(2);
  EXPECT_EQ(TurnLog::read(path_, 2, 1).fault, "");
  ASSERT_TRUE(log->append(2, turn_of(2, "new")));
  EXPECT_EQ(TurnLog::read(path_, 2, 1).fault, "");
  EXPECT_EQ(TurnLog::read(path_, 2, 1).turns.size(), 1u);
}

TEST_F(TurnLogTest, AGapEndsWhatCanBeTaken) {
  const auto log = open(1);
  for (const std::uint64_t number : {3, 4, 6}) ASSERT_TRUE(log->append(number, turn_of(1, "x")));
  EXPECT_EQ(TurnLog::read(path_, 1, 2).turns.size(), 2u);
  EXPECT_TRUE(TurnLog::read(path_, 1, 1).turns.empty());
}

// Reported as silent by a hostile reader: turns were cut where the file was damaged, and
// nobody was told. What kill -9 leaves must not look like damage.
TEST_F(TurnLogTest, DamageIsToldAndAKillIsNot) {
  EXPECT_EQ(TurnLog::read(path_, 1, 0).fault, "is missing");
  std::mt19937_64 random(2);
  {
    const auto log = open(1);
    EXPECT_EQ(TurnLog::read(path_, 1, 0).fault, "");
    for (std::uint64_t number = 1; number <= 9'000; ++number) {
      ASSERT_TRUE(log->append(number, turn_of(number, std::string(random() % 900, 'd'))));
      if (number > 20) log->release(number - 20);
      if (number % 397 == 0) {
        const TurnLog::Left left = TurnLog::read(path_, 1, number - 20);
        EXPECT_EQ(left.fault, "");
        EXPECT_EQ(left.unusable, 0u);
      }
    }
  }
  std::filesystem::resize_file(path_, TurnLog::kSegment);
  EXPECT_EQ(TurnLog::read(path_, 1, 9'000).fault, "is cut short");
}

TEST_F(TurnLogTest, EveryFlippedBitIsToldOrHarmless) {
  constexpr std::uint64_t kTurns = 3;
  {
    const auto log = open(1);
    for (std::uint64_t i = 1; i <= kTurns; ++i) log->append(i, turn_of(i, "of sixteen octet"));
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  for (std::streamoff at = 0; at < 480; ++at) {
    const int bit = static_cast<int>(at % 8);
    char octet = 0;
    file.seekg(at).get(octet);
    file.seekp(at).put(static_cast<char>(octet ^ 1 << bit)).flush();
    const TurnLog::Left left = TurnLog::read(path_, 1, 0);
    EXPECT_TRUE(left.turns.size() == kTurns || !left.fault.empty()) << at << " bit " << bit;
    file.seekp(at).put(octet).flush();
  }
  EXPECT_EQ(TurnLog::read(path_, 1, 0).turns.size(), kTurns);
}

// What a power loss or a torn write leaves is never taken for a turn.
TEST_F(TurnLogTest, NoOctetsCanHurtIt) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 60; ++round) {
    std::filesystem::remove(path_);
    {
      const auto log = open(1);
      for (std::uint64_t i = 1; i <= 100; ++i) log->append(i, turn_of(i, std::string(200, 'e')));
    }
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (int hits = 0; hits < 3; ++hits) {
      file.seekp(static_cast<std::streamoff>(random() % 60'000));
      const std::string junk(random() % 40 + 1, static_cast<char>(random()));
      file.write(junk.data(), static_cast<std::streamsize>(junk.size()));
    }
    file.close();
    const std::vector<Turn> turns = TurnLog::read(path_, 1, 0).turns;
    for (std::size_t i = 0; i < turns.size(); ++i) {
      expect_turn(turns[i], i + 1, i + 1, std::string(200, 'e'));
    }
  }
}

}  // namespace
}  // namespace farebox
