// Opening a connection to a provider: resolve, connect, perhaps a proxy's tunnel, shake
// hands, within one deadline over all of it and all addresses.
#pragma once

#include "config/base/clock.hpp"
#include "proxy/byte_stream.hpp"
#include "proxy/provider.hpp"

namespace farebox {

// Errors: upstream_unreachable with the reason of the last address tried, or
// upstream_timeout when the deadline passed; with Error::at_proxy where the proxy that
// settings.proxy names was the reason. Behind a proxy the provider's name is not resolved
// here.
awaitable<Result<std::unique_ptr<ByteStream>>> connect_upstream(Executor executor,
                                                                const Provider& provider,
                                                                SteadyTime deadline);

}  // namespace farebox
