// ConnectReason: why a connection to a provider was opened.
#pragma once

#include <array>
#include <cstdint>

namespace farebox {

enum class ConnectReason : std::uint8_t {
  first,    // a call found none at all
  grow,     // a call found the others busy, or asked for a fresh one
  warm,     // to have pool.min
  replace,  // another one was near pool.max_requests or pool.max_lifetime
};
inline constexpr std::array<const char*, 4> kConnectReasonNames = {"first", "grow", "warm",
                                                                   "replace"};

// How many, by reason.
using Connects = std::array<std::uint64_t, kConnectReasonNames.size()>;

}  // namespace farebox
