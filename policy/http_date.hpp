// HTTP dates (RFC 9110, 5.6.7): when a server says something happens.
#pragma once

#include <optional>
#include <string_view>

#include "config/base/clock.hpp"

namespace farebox {

// All three forms that a recipient must understand:
//   Sun, 06 Nov 1994 08:49:37 GMT     what servers send
//   Sunday, 06-Nov-94 08:49:37 GMT    RFC 850; a year over 50 in the future is in the past
//   Sun Nov  6 08:49:37 1994          C's asctime
// The day's name isn't compared with the date. Nothing: it is none of them.
std::optional<WallTime> parse_http_date(std::string_view text, WallTime now);

}  // namespace farebox
