#include "storage/pinned_file.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace farebox {
namespace {

namespace fs = std::filesystem;

class PinnedFileTest : public testing::Test {
 protected:
  PinnedFileTest() {
    std::string name = testing::TempDir() + "farebox-pinned-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    make_file();
    file_.pin(path());
  }
  ~PinnedFileTest() override { fs::remove_all(directory_); }

  std::string home() const { return directory_ + "/data"; }
  std::string path() const { return home() + "/LOCK"; }
  void make_file() const {
    fs::create_directories(home());
    std::ofstream(path()) << "x";
  }

  std::string directory_;
  PinnedFile file_;
};

TEST_F(PinnedFileTest, IsThereWhileNobodyTouchesIt) {
  EXPECT_TRUE(file_.is_there());
  std::ofstream(path()) << "more";
  EXPECT_TRUE(file_.is_there());
}

TEST_F(PinnedFileTest, IsGoneForEverOnceItIsRemoved) {
  fs::remove_all(home());
  EXPECT_FALSE(file_.is_there());
  make_file();
  EXPECT_FALSE(file_.is_there());
}

TEST_F(PinnedFileTest, IsGoneWhileItIsElsewhere) {
  fs::rename(home(), directory_ + "/elsewhere");
  EXPECT_FALSE(file_.is_there());
  make_file();  // another one in its place
  EXPECT_FALSE(file_.is_there());
  fs::remove_all(home());
  fs::rename(directory_ + "/elsewhere", home());
  EXPECT_TRUE(file_.is_there());
}

TEST_F(PinnedFileTest, WhatCanNotBeHeldIsNeverGone) {
  PinnedFile none;
  EXPECT_TRUE(none.is_there());
  none.pin("/nowhere/LOCK");
  EXPECT_TRUE(none.is_there());
}

}  // namespace
}  // namespace farebox
