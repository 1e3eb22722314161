// readable: does the body say one thing to everybody? What policy must go by may not be read in
// two ways.
#include <fmt/format.h>

#include "proxy/dialect/body_keys.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

Result<void> check_readable(const Call& call) {
  if (!is_metered(call.route.endpoint) || call.body.empty()) return {};
  if (!call.facts.readable) {
    return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                 "a budget, a limit or the key depends on this request's body, and it can't be read; "
                 "send one JSON object in UTF-8 with nothing behind it, not compressed (no "
                 "content-encoding)");
  }
  if (call.facts.odd_key.empty()) return {};
  const std::string_view odd = call.facts.odd_key;
  return Error(ErrorCode::bad_request, Fault::client, Retry::no,
               fmt::format("some servers take \"{}\" in this request's body for \"{}\", on which a "
                           "budget, a limit or the key depends; spell it so, or leave it out",
                           odd, spelled_otherwise(call.route, odd)));
}

}  // namespace farebox::stages
