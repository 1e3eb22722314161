// A whole body without the chunks about it (RFC 9112, 7.1). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace farebox::http {

// Nothing: it isn't whole, or its framing is broken.
std::optional<std::string> unchunk(std::string_view chunked);

}  // namespace farebox::http
