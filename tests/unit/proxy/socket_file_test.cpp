// The file of a Unix socket: whose it is, who may connect, when it goes.
#include "proxy/socket_file.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace farebox {
namespace {

class SocketFileTest : public testing::Test {
 protected:
  SocketFileTest() {
    std::string name = testing::TempDir() + "farebox-socket-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/s";
  }
  ~SocketFileTest() override { std::filesystem::remove_all(directory_); }

  // Bound and listening.
  SocketFile::Bound serve(unsigned mode = 0600) {
    SocketFile::Bound bound = SocketFile::bind(path_, mode);
    EXPECT_EQ(bound.error, 0);
    EXPECT_EQ(::listen(bound.socket, 8), 0);
    return bound;
  }
  bool is_there() const { return std::filesystem::exists(path_); }

  std::string directory_, path_;
};

TEST_F(SocketFileTest, HasItsModeAndGoesWithItsOwner) {
  {
    const auto bound = serve(0660);
    struct stat status {};
    ASSERT_EQ(::lstat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0660u);
    ::close(bound.socket);
  }
  EXPECT_FALSE(is_there());
}

TEST_F(SocketFileTest, OneThatAnswersIsNotTaken) {
  const auto first = serve();
  EXPECT_EQ(SocketFile::bind(path_, 0600).error, EADDRINUSE);
  EXPECT_TRUE(is_there());
  ::close(first.socket);
}

TEST_F(SocketFileTest, OneThatACrashLeftIsReplaced) {
  auto first = serve();
  ::close(first.socket);
  const auto second = serve();
  ::close(second.socket);
  // The first owner's end doesn't take the second's file away.
  first.file = SocketFile();
  EXPECT_TRUE(is_there());
}

TEST_F(SocketFileTest, AnotherKindOfFileIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(SocketFile::bind(path_, 0600).error, ENOTSOCK);
  EXPECT_TRUE(is_there());
}

TEST_F(SocketFileTest, ADirectoryMustBeThere) {
  path_ = directory_ + "/none/s";
  EXPECT_EQ(SocketFile::bind(path_, 0600).error, ENOENT);
}

}  // namespace
}  // namespace farebox
