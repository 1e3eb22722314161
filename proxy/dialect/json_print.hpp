// Writing JSON again as OpenAI's servers do before a model reads it.
//
// Strings are escaped only where JSON asks for it; numbers stay as they were written. Memory:
// what is appended, at most six octets for one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/dialect/json_tree.hpp"

namespace farebox {

enum class JsonStyle : std::uint8_t {
  compact,  // {"a":1,"b":[]}
  spaced,   // {"a": 1, "b": []}
  schema,   // compact, without what a model isn't shown of the schema of an answer
};

void append_json(std::string& out, const JsonTree& tree, const JsonNode& node, JsonStyle style);

// A string with its quotes: from JSON, or from the text it stands for.
void append_json_string(std::string& out, const JsonString& string);
void append_json_text(std::string& out, std::string_view text);

}  // namespace farebox
