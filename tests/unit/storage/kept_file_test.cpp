#include "storage/kept_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace farebox {
namespace {

namespace fs = std::filesystem;

class KeptFileTest : public testing::Test {
 protected:
  KeptFileTest() {
    std::string pattern = testing::TempDir() + "kept-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ / "ratios";
  }
  ~KeptFileTest() override { fs::remove_all(directory_); }

  std::string raw() const {
    std::ifstream stream(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  void put_raw(std::string_view octets) const {
    std::ofstream(path_, std::ios::binary).write(octets.data(), static_cast<std::streamsize>(octets.size()));
  }
  ErrorCode load_error() const { return KeptFile(path_).load().error().code; }

  fs::path directory_, path_;
};

TEST_F(KeptFileTest, GivesBackWhatWasSavedLast) {
  KeptFile file(path_);
  EXPECT_EQ(load_error(), ErrorCode::not_found);
  for (const std::string& octets : {std::string("one"), std::string(), std::string("\0\n\xff", 3),
                                    std::string(KeptFile::kMostOctets, 'x')}) {
    ASSERT_TRUE(file.save(octets));
    EXPECT_EQ(*KeptFile(path_).load(), octets);
  }
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_FALSE(fs::exists(path_.string() + ".new"));
}

TEST_F(KeptFileTest, EveryDamageIsSeen) {
  ASSERT_TRUE(KeptFile(path_).save("some octets\n"));
  const std::string whole = raw();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    put_raw(whole.substr(0, at));
    EXPECT_EQ(load_error(), ErrorCode::ledger_damaged) << "cut at " << at;
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    put_raw(flipped);
    EXPECT_EQ(load_error(), ErrorCode::ledger_damaged) << "flipped at " << at;
  }
  put_raw(whole + "more");
  EXPECT_EQ(load_error(), ErrorCode::ledger_damaged);
  put_raw(std::string(3 * KeptFile::kMostOctets, 'x'));
  EXPECT_EQ(load_error(), ErrorCode::ledger_damaged);
}

TEST_F(KeptFileTest, DamageIsSetAside) {
  put_raw("not ours");
  KeptFile file(path_);
  EXPECT_EQ(*file.set_aside(), path_.string() + ".damaged");
  EXPECT_EQ(load_error(), ErrorCode::not_found);
  ASSERT_TRUE(file.save("fresh"));
  EXPECT_EQ(*file.load(), "fresh");
}

TEST_F(KeptFileTest, WhatCantBeSavedLeavesWhatWas) {
  KeptFile file(path_);
  ASSERT_TRUE(file.save("old"));
  EXPECT_FALSE(file.save(std::string(KeptFile::kMostOctets + 1, 'x')));
  fs::create_directory(path_.string() + ".new");  // so that the new one can't be made
  const auto saved = file.save("new");
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::io_failed);
  EXPECT_EQ(*file.load(), "old");
  EXPECT_FALSE(KeptFile((directory_ / "nowhere" / "x").string()).save("x"));
}

}  // namespace
}  // namespace farebox
