// The signature of a price file: Ed25519 over its octets, detached, in base64 beside it.
//
// How to sign one is said in docs/operating.md.
#pragma once

#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

// "ed25519:" and 32 octets in base64. The Error's context is "why; how to mend".
Result<void> price_key_text(std::string_view text);

// Error: invalid_config, with what is wrong as its context. `signature` is the content of
// the .sig file: 64 octets in base64, white space around them allowed.
Result<void> check_price_signature(std::string_view file, std::string_view signature,
                                   std::string_view public_key);

}  // namespace farebox
