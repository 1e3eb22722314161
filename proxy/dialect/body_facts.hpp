// Reading the body of a request: what policy needs of it, in one walk, without a DOM.
//
// A JSON object is known by its first octet, a multipart form by its content-type. Bodies
// of 64 MiB are walked at memory speed. A body that isn't valid to the last octet gives no
// facts at all (`readable` false), because two parsers may read it in two ways.
#pragma once

#include <string_view>

#include "config/base/result.hpp"
#include "proxy/dialect/dialect.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

// A number that bounds cost, read as generously as the most lenient server does ("100",
// 1e3, 99.5 rounded up), because what policy takes for unsaid may be obeyed elsewhere.
// 0: not said, or nothing that a server could take for a count.
std::uint64_t read_bound(JsonCursor& cursor);

// The route's endpoint says whose keys are read; a model named by the path stands, since
// providers then ignore the body's. Error(bad_request) names the key that a JSON object
// repeats although policy depends on it: parsers differ in which one they take.
Result<BodyFacts> read_body_facts(const Route& route, std::string_view content_type,
                                  std::string_view body);

}  // namespace farebox
