// The rooms stand in a line: config <- policy <- storage <- proxy. This reads the include
// lines of the sources and fails on an arrow in the wrong direction.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kRooms = {"config", "policy", "storage", "proxy"};

// What a room may not include, by how the name begins.
const std::map<std::string, std::vector<std::string>> kForbidden = {
    {"config", {"boost/asio", "boost/beast", "prometheus/", "rocksdb/"}},
    {"policy",
     {"boost/asio", "boost/beast", "prometheus/", "rocksdb/", "openssl/", "thread", "mutex",
      "shared_mutex", "condition_variable", "future", "semaphore", "stop_token", "latch", "barrier",
      "fstream", "filesystem", "iostream", "sys/", "netinet/", "arpa/", "netdb.h", "unistd.h",
      "fcntl.h", "poll.h", "pthread.h", "config/base/log.hpp"}},
    {"storage", {"boost/asio", "boost/beast", "prometheus/", "openssl/ssl", "netinet/", "sys/socket.h"}},
    {"proxy", {}},
};

struct Include {
  std::string file;
  int line = 0;
  std::string name;
};

std::vector<Include> includes_of(const fs::path& root, const std::string& room) {
  std::vector<Include> includes;
  for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
    const std::string extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".hpp") continue;
    std::ifstream file(entry.path());
    int number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      if (!line.starts_with("#include")) continue;
      const std::size_t begin = line.find_first_of("\"<");
      const std::size_t end = line.find_first_of("\">", begin + 1);
      if (begin == std::string::npos || end == std::string::npos) continue;
      includes.push_back({fs::relative(entry.path(), root), number, line.substr(begin + 1, end - begin - 1)});
    }
  }
  return includes;
}

// Standard headers are named whole; the others by their directory.
bool begins(const std::string& name, const std::string& prefix) {
  return prefix.find('/') == std::string::npos && prefix.find('.') == std::string::npos
             ? name == prefix
             : name.starts_with(prefix);
}

TEST(Tidy, NoRoomIncludesWhatStandsToItsRight) {
  const fs::path root = FAREBOX_SOURCE_DIR;
  for (auto room = kRooms.begin(); room != kRooms.end(); ++room) {
    const auto includes = includes_of(root, *room);
    EXPECT_FALSE(includes.empty()) << *room;
    for (const Include& include : includes) {
      const bool wrong = std::any_of(room + 1, kRooms.end(), [&](const std::string& later) {
        return include.name.starts_with(later + "/");
      });
      EXPECT_FALSE(wrong) << include.file << ":" << include.line << " includes " << include.name;
      EXPECT_FALSE(include.name.starts_with("tests/") || include.name.starts_with("../"))
          << include.file << ":" << include.line << " includes " << include.name;
    }
  }
}

TEST(Tidy, RoomsStayAwayFromWhatTheyNeverDo) {
  const fs::path root = FAREBOX_SOURCE_DIR;
  for (const std::string& room : kRooms) {
    for (const Include& include : includes_of(root, room)) {
      for (const std::string& forbidden : kForbidden.at(room)) {
        EXPECT_FALSE(begins(include.name, forbidden))
            << include.file << ":" << include.line << " includes " << include.name;
      }
    }
  }
}

// The tools every room uses stand at the very left, the grammar of HTTP and the dialects
// know no sockets: fuzz targets link them alone.
TEST(Tidy, InnerRoomsUseOnlyWhatStandsBelowThem) {
  const fs::path root = FAREBOX_SOURCE_DIR;
  for (const Include& include : includes_of(root, "config/base")) {
    const bool own = !include.name.starts_with("config/") || include.name.starts_with("config/base/");
    EXPECT_TRUE(own) << include.file << ":" << include.line << " includes " << include.name;
  }
  for (const char* inner : {"proxy/http", "proxy/dialect"}) {
    for (const Include& include : includes_of(root, inner)) {
      const bool own = !include.name.starts_with("proxy/") || include.name.starts_with("proxy/http/") ||
                       include.name.starts_with("proxy/dialect/");
      EXPECT_TRUE(own) << include.file << ":" << include.line << " includes " << include.name;
      EXPECT_FALSE(include.name.starts_with("boost/asio") || include.name.starts_with("boost/beast"))
          << include.file << ":" << include.line << " includes " << include.name;
    }
  }
}

}  // namespace
