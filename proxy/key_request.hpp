// KeyRequest: what the body of a request says of a virtual key, checked as settings are.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/base/result.hpp"
#include "config/settings.hpp"
#include "policy/key_ring.hpp"

namespace farebox {

// {"name", "org", "project", "user", "models", "providers", "dialects", "tags", "expires"}: all
// but the name may be left out or null; a key without models may use all. Gives a key without
// id and hash. Error: bad_request; its context is a sentence.
Result<VirtualKey> read_key_request(std::string_view body, const Settings& settings, WallTime now);

struct RotateRequest {
  std::string which;  // id or name
  std::chrono::milliseconds overlap{24 * 3'600'000};
};
// {"id": ..., "overlap": "24h"}; "name" does for "id". Error: bad_request.
Result<RotateRequest> read_rotate_request(std::string_view body);

}  // namespace farebox
