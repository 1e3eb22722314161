// What the tests of the loader share: an environment of their own, messages as lines.
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace farebox {

using Variables = std::map<std::string, std::string, std::less<>>;

inline Environment environment_of(Variables variables) {
  return [variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

inline LoadResult load_whole(std::string_view text, const Variables& variables = {}) {
  LoadResult result = load_text(text, "farebox.yaml", environment_of(variables));
  check_whole(result);
  return result;
}

inline std::string lines_of(const std::vector<ConfigProblem>& problems) {
  std::string lines;
  for (const ConfigProblem& problem : problems) lines += to_line(problem) + "\n";
  return lines;
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

inline std::string test_data(const std::string& name) {
  return std::string(FAREBOX_SOURCE_DIR "/tests/unit/config/") + name;
}

}  // namespace farebox
