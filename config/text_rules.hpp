// TextRules: what the text of a key must keep to.
//
// An Error's context is "why; how to mend" and does not repeat the text. No text
// may hold control characters: names and keys end up in header fields, log lines
// and metrics.
#pragma once

#include <functional>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

using TextRule = std::function<Result<void>(std::string_view)>;

Result<void> any_text(std::string_view text);       // may be empty
Result<void> some_text(std::string_view text);      // may not
Result<void> name_text(std::string_view text);      // 1 to 128 octets
Result<void> scope_text(std::string_view text);     // an org, project or user: up to 128 octets
Result<void> tag_value(std::string_view text);      // a name without commas, which separate tags
Result<void> secret_text(std::string_view text);    // printable ASCII for a header, or empty
Result<void> readable_file(std::string_view path);  // a file this process can read, or ""

// The name of a tag: 1 to 64 letters, digits, - _ and .; it travels in a header.
bool is_tag_name(std::string_view name);

}  // namespace farebox
