// The benchmark's upstream: one thread, fixed answers made beforehand, so that
// what is measured is the proxy before it.
//
//   any request                      a chat completion of some 900 octets
//   "stream":true in the body, or    64 chunks of 180 octets, one write each,
//   a path with /stream64            the last but one with usage if asked for
#pragma once

#include <chrono>

namespace farebox::mock {

// Serves this listener on a thread of its own, for ever.
void serve_fast(int listener, std::chrono::microseconds chunk_gap);

}  // namespace farebox::mock
