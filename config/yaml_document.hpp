// YamlDocument: YAML text (or JSON, which is YAML) as a small tree with lines.
//
// Built from yaml-cpp's events instead of its nodes, because those keep duplicate
// keys silently, expand aliases without limit and lose the line of a key. Sizes,
// depth and aliases are bounded; nothing throws.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"

namespace farebox {

struct YamlNode {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  int line = 1;        // of the key in a map, else of the value
  std::string key;     // in a map
  std::string text;    // of a scalar, as written
  bool quoted = false;  // '...' or "...": surely a string
  std::vector<YamlNode> items;  // of a list or a map, in the order of the file
};

// The one document of the text. A syntax error gives nothing and one problem;
// duplicate keys give a problem each, and the first one counts.
// An empty document is a map without keys.
std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file,
                                   Problems& problems);

}  // namespace farebox
