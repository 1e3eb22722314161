// What is said of a file that can't be read, and how a problem is written.
#include "config/load.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

TEST(LoadFile, SaysWhenItCannotBeRead) {
  const LoadResult result = load_file("/nowhere/farebox.yaml", environment_of({}));
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_TRUE(to_line(result.errors[0]).starts_with("/nowhere/farebox.yaml:1: the file"));
  EXPECT_FALSE(load_file("/", environment_of({})).ok());
}

TEST(LoadFile, NamesTheFileInMessages) {
  const std::string path = test_data("broken/bad_threads.yaml");
  const LoadResult result = load_file(path, environment_of({}));
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_TRUE(to_line(result.errors[0]).starts_with(path + ":1: threads"));
}

TEST(ConfigProblem, IsOneLineWhateverItHolds) {
  EXPECT_EQ(to_line({"a.yaml", 3, "x\ny\x1b[0m", false}), "a.yaml:3: x\\x0ay\\x1b[0m");
  EXPECT_EQ(to_line({"a.yaml", 3, "x", true}), "a.yaml:3: warning: x");
  EXPECT_EQ(to_line({"command line", 0, "x", false}), "command line: x");
}

}  // namespace
}  // namespace farebox
