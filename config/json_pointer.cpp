#include "config/json_pointer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace farebox {

namespace {

Error refuse(std::string why) { return Error(ErrorCode::invalid_config, std::move(why)); }

}  // namespace

// RFC 6901, section 3: *( "/" reference-token ), in which ~0 is ~ and ~1 is /.
Result<JsonPointer> parse_json_pointer(std::string_view text) {
  if (!text.starts_with('/')) {
    return refuse("it is no JSON pointer, those begin with a slash; write it as "
                  "/usage/input_tokens");
  }
  JsonPointer pointer;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view token = text.substr(0, text.find('/'));
    text.remove_prefix(token.size());
    if (pointer.size() == kDeepestPointer) {
      return refuse(fmt::format("it is more than {} levels deep; point at something nearer",
                                kDeepestPointer));
    }
    std::string& name = pointer.emplace_back();
    for (std::size_t i = 0; i < token.size(); ++i) {
      if (token[i] != '~') {
        name.push_back(token[i]);
        continue;
      }
      const char escape = i + 1 < token.size() ? token[i + 1] : '\0';
      if (escape != '0' && escape != '1') {
        return refuse("a ~ in it is neither ~0 nor ~1; write ~0 for a ~ and ~1 for a / within "
                      "a name");
      }
      name.push_back(escape == '0' ? '~' : '/');
      ++i;
    }
  }
  return pointer;
}

}  // namespace farebox
