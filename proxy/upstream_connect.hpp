// Opening a connection to a provider: resolve, connect, shake hands, within one
// deadline over all three and all addresses.
#pragma once

#include "config/base/clock.hpp"
#include "proxy/byte_stream.hpp"
#include "proxy/provider.hpp"

namespace farebox {

// Errors: upstream_unreachable with the reason of the last address tried, or
// upstream_timeout when the deadline passed.
awaitable<Result<std::unique_ptr<ByteStream>>> connect_upstream(Executor executor,
                                                                const Provider& provider,
                                                                SteadyTime deadline);

}  // namespace farebox
