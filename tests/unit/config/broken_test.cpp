// broken/NAME.yaml has exactly the errors that NAME.expected lists, in that order.
//
// "Not built yet" is no mistake of the file, so those errors are left out here;
// not_built_test.cpp looks at them.
//
// The key "hunter2" stands for every secret: it must not be in any message.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

const Variables kVariables{{"OPENAI_API_KEY", "sk-hunter2"},
                           {"EMPTY", ""},
                           {"KEY_WITH_NEWLINE", "sk-hunter2\n"},
                           {"YAMLISH", "true, listen: {a: [b"}};

std::vector<std::filesystem::path> broken_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(test_data("broken"))) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  return files;
}

LoadResult load_broken(const std::filesystem::path& path) {
  LoadResult result = load_text(content_of(path.string()), path.filename().string(),
                                environment_of(kVariables));
  check_whole(result);
  std::erase_if(result.errors, [](const ConfigProblem& problem) {
    return problem.text.find(" is not built yet ") != problem.text.npos;
  });
  return result;
}

TEST(BrokenFiles, AreManyEnoughToMeanSomething) { EXPECT_GE(broken_files().size(), 70u); }

TEST(BrokenFiles, HaveExactlyTheExpectedErrors) {
  for (const auto& path : broken_files()) {
    std::filesystem::path expected = path;
    expected.replace_extension(".expected");
    const LoadResult result = load_broken(path);
    EXPECT_FALSE(result.ok()) << path;
    EXPECT_EQ(lines_of(result.errors), content_of(expected.string())) << path;
  }
}

TEST(BrokenFiles, NeverShowASecret) {
  for (const auto& path : broken_files()) {
    const LoadResult result = load_broken(path);
    const std::string shown = lines_of(result.errors) + lines_of(result.warnings);
    EXPECT_EQ(shown.find("hunter2"), shown.npos) << path;
  }
}

TEST(BrokenFiles, EveryMessageSaysWhatWhyAndHowInOneLine) {
  for (const auto& path : broken_files()) {
    for (const ConfigProblem& problem : load_broken(path).errors) {
      const std::string line = to_line(problem);
      EXPECT_EQ(line.find('\n'), line.npos) << line;
      EXPECT_TRUE(line.starts_with(path.filename().string() + ":")) << line;
      EXPECT_GE(problem.line, 1) << line;
      EXPECT_NE(problem.text.find("; "), problem.text.npos) << line;
    }
  }
}

}  // namespace
}  // namespace farebox
