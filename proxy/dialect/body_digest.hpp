// BodyDigest: what a JSON request body asks for, as a digest.
//
// Two bodies have one digest when they ask for the same: the order of members and the blanks
// between them don't matter, strings compare by the text they stand for, numbers as they are
// written. It is a hash of a text that no two different bodies share (body_digest.cpp has its
// grammar), so equal digests mean equal requests as far as SHA-256 holds.
//
// Left out, at the top level only, is what no answer depends on: `user`, `metadata`,
// `safety_identifier`, `prompt_cache_key`, and Gemini's `labels`. `stream` and `stream_options`,
// which say in what form the answer comes, are told apart. Thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "config/base/digest.hpp"
#include "config/dialect_name.hpp"

namespace farebox {

struct BodyDigest {
  Digest digest{};  // of all but the form
  Digest form{};    // of `stream_options`; zeros where there are none, or null
  // The body asks for a stream. Said by nobody, it is what the dialect does then.
  bool stream = false;
  bool temperature_zero = false;  // a temperature is said, and every one that is said is 0
  bool seeded = false;            // a seed is said, as a number
  // Goes on with what the provider keeps, or adds to it (`conversation`, `container`,
  // `background`): the same body can have another answer, and another effect, each time.
  bool stateful = false;
};

// `dialect` is what the body speaks. Nothing where it isn't certain what is asked for: no JSON
// object, a key that comes twice in an object, a `stream` that is no boolean, a key with U+FFFD or
// half a surrogate pair, nesting deeper than JsonCursor visits, more than 65,536 members at a
// time, more than 1 GiB. Linear in the body, at most some 20 ns an octet, so bound what is given;
// memory of its size, kept for the next one up to 256 KiB a buffer.
std::optional<BodyDigest> digest_body(std::string_view body, DialectName dialect);

}  // namespace farebox
