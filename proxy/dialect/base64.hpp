// Base64 (RFC 4648, section 4) as Bedrock wraps the events of a model in it.
#pragma once

#include <string>
#include <string_view>

namespace farebox {

// Replaces `out` by what `text` stands for, keeping its memory. Padding may be left out.
// False, and `out` empty: not base64.
bool base64_decode(std::string_view text, std::string& out);

// With padding.
std::string base64_encode(std::string_view octets);

}  // namespace farebox
