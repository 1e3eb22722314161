#include "proxy/upstream_connect.hpp"

#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>

#include <vector>

#include "proxy/tls.hpp"
#include "proxy/tunnel.hpp"
#include "proxy/unreachable.hpp"

namespace farebox {
namespace {

using Resolver = asio::ip::basic_resolver<tcp, Executor>;
using Chrono = std::chrono::steady_clock;

// Runs `cancel` when the deadline passes, unless it was stopped by then. The state
// outlives the alarm: a handler may be queued already when `stop` is called.
class Alarm {
 public:
  template <class Cancel>
  Alarm(const Executor& executor, SteadyTime when, Cancel cancel)
      : timer_(executor, when), state_(std::make_shared<State>()) {
    timer_.async_wait([cancel, state = state_](error_code ec) {
      if (ec || state->stopped) return;
      state->fired = true;
      cancel();
    });
  }
  bool fired() const { return state_->fired; }
  void stop() {
    state_->stopped = true;
    timer_.cancel();
  }

 private:
  struct State {
    bool fired = false;
    bool stopped = false;
  };
  Timer timer_;
  std::shared_ptr<State> state_;
};

Error unreachable(const Provider& provider, std::string_view reason) {
  return Error(ErrorCode::upstream_unreachable, Fault::provider, Retry::yes,
               fmt::format("provider '{}' at {}:{} can't be reached: {}", provider.settings.name,
                           provider.host, provider.port, reason));
}

// The one we open a connection to: the provider, or the proxy in front of it.
struct Peer {
  explicit Peer(const Provider& provider)
      : host(provider.settings.proxy ? provider.settings.proxy->host : provider.host),
        port(provider.settings.proxy ? std::to_string(provider.settings.proxy->port)
                                     : provider.port) {}
  std::string host, port;
};

// `why` knows what to look at when it is the provider itself.
Error peer_unreachable(const Provider& provider, const error_code& ec,
                       std::string (*why)(const error_code&)) {
  if (!provider.settings.proxy) return unreachable(provider, why(ec));
  return proxy_error(provider, fmt::format("can't be reached: {}", ec.message()));
}

Error too_slow(const Provider& provider) {
  Error error(ErrorCode::upstream_timeout, Fault::provider, Retry::yes,
              fmt::format("provider '{}' at {}:{} did not accept a connection within its connect "
                          "timeout",
                          provider.settings.name, provider.host, provider.port));
  if (!provider.settings.proxy) return error;
  error = proxy_error(provider, fmt::format("opened no connection to {}:{} within the connect "
                                            "timeout", provider.host, provider.port));
  error.code = ErrorCode::upstream_timeout;
  return error;
}

// Asio resolves on a thread of its own, so a slow resolver holds up nobody else.
awaitable<Result<std::vector<tcp::endpoint>>> resolve(Executor executor, const Provider& provider,
                                                      SteadyTime deadline) {
  std::vector<tcp::endpoint> found;
  error_code ec;
  const Peer peer(provider);
  const auto address = asio::ip::make_address(peer.host, ec);
  if (!ec) {
    found.emplace_back(address, static_cast<std::uint16_t>(std::stoul(peer.port)));
    co_return found;
  }
  auto resolver = std::make_shared<Resolver>(executor);
  Alarm alarm(executor, deadline, [resolver] { resolver->cancel(); });
  const auto results = co_await resolver->async_resolve(peer.host, peer.port,
                                                        asio::redirect_error(use_awaitable, ec));
  alarm.stop();
  if (alarm.fired()) co_return too_slow(provider);
  if (ec) co_return peer_unreachable(provider, ec, why_unresolved);
  for (const auto& entry : results) found.push_back(entry.endpoint());
  co_return found;
}

// TLS with the provider, the proxy, or one inside the other. What a proxy says goes wrong
// has Error::at_proxy.
awaitable<Result<std::unique_ptr<ByteStream>>> secure(Socket& socket, const Provider& provider) {
  if (!provider.tls) {
    auto stream = co_await provider.proxy_tls->handshake(socket);
    if (stream) co_return std::move(*stream);
    co_return proxy_error(provider, "can't be spoken to: " + stream.error().context);
  }
  if (provider.proxy_tls) {
    auto stream = co_await provider.tls_client->handshake_through(socket, provider);
    co_return stream;
  }
  if (provider.settings.proxy) {
    const auto open = co_await open_tunnel(socket, provider);
    if (!open) co_return open.error();
  }
  auto stream = co_await provider.tls_client->handshake(socket);
  co_return stream;
}

}  // namespace

awaitable<Result<std::unique_ptr<ByteStream>>> connect_upstream(Executor executor,
                                                                const Provider& provider,
                                                                SteadyTime deadline) {
  auto addresses = co_await resolve(executor, provider, deadline);
  if (!addresses) co_return addresses.error();

  error_code ec;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    // One dead address must not use up the time of the others.
    const auto left = deadline - Chrono::now();
    const SteadyTime until = Chrono::now() + left / static_cast<int>(addresses->size() - i);
    auto socket = std::make_shared<Socket>(executor);
    Alarm alarm(executor, until, [socket] {
      error_code ignored;
      socket->close(ignored);
    });
    co_await socket->async_connect((*addresses)[i], asio::redirect_error(use_awaitable, ec));
    alarm.stop();
    if (ec || alarm.fired()) {
      if (alarm.fired()) ec = asio::error::timed_out;
      continue;
    }
    if (!provider.tls && !provider.proxy_tls) co_return make_plain_stream(std::move(*socket));

    error_code ignored;
    socket->set_option(tcp::no_delay(true), ignored);
    // The stream owns the socket from here; its descriptor is what the alarm ends.
    const int descriptor = socket->native_handle();
    Alarm handshake_alarm(executor, deadline,
                          [descriptor] { ::shutdown(descriptor, SHUT_RDWR); });
    auto stream = co_await secure(*socket, provider);
    handshake_alarm.stop();
    if (handshake_alarm.fired()) co_return too_slow(provider);
    if (!stream && stream.error().at_proxy) co_return stream.error();
    if (!stream) co_return unreachable(provider, stream.error().context);
    co_return std::move(*stream);
  }
  if (ec == asio::error::timed_out) co_return too_slow(provider);
  co_return peer_unreachable(provider, ec, why_not_connected);
}

}  // namespace farebox
