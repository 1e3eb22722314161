#include "proxy/upstream_connect.hpp"

#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>

#include <vector>

#include "proxy/tls.hpp"
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

Error too_slow(const Provider& provider) {
  return Error(ErrorCode::upstream_timeout, Fault::provider, Retry::yes,
               fmt::format("provider '{}' at {}:{} did not accept a connection within its connect "
                           "timeout",
                           provider.settings.name, provider.host, provider.port));
}

// Asio resolves on a thread of its own, so a slow resolver holds up nobody else.
awaitable<Result<std::vector<tcp::endpoint>>> resolve(Executor executor, const Provider& provider,
                                                      SteadyTime deadline) {
  std::vector<tcp::endpoint> found;
  error_code ec;
  const auto address = asio::ip::make_address(provider.host, ec);
  if (!ec) {
    found.emplace_back(address, static_cast<std::uint16_t>(std::stoul(provider.port)));
    co_return found;
  }
  auto resolver = std::make_shared<Resolver>(executor);
  Alarm alarm(executor, deadline, [resolver] { resolver->cancel(); });
  const auto results = co_await resolver->async_resolve(provider.host, provider.port,
                                                        asio::redirect_error(use_awaitable, ec));
  alarm.stop();
  if (alarm.fired()) co_return too_slow(provider);
  if (ec) co_return unreachable(provider, why_unresolved(ec));
  for (const auto& entry : results) found.push_back(entry.endpoint());
  co_return found;
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
    if (!provider.tls) co_return make_plain_stream(std::move(*socket));

    error_code ignored;
    socket->set_option(tcp::no_delay(true), ignored);
    // The stream owns the socket from here; its descriptor is what the alarm ends.
    const int descriptor = socket->native_handle();
    Alarm handshake_alarm(executor, deadline,
                          [descriptor] { ::shutdown(descriptor, SHUT_RDWR); });
    auto stream = co_await provider.tls_client->handshake(*socket);
    handshake_alarm.stop();
    if (handshake_alarm.fired()) co_return too_slow(provider);
    if (!stream) co_return unreachable(provider, stream.error().context);
    co_return std::move(*stream);
  }
  if (ec == asio::error::timed_out) co_return too_slow(provider);
  co_return unreachable(provider, why_not_connected(ec));
}

}  // namespace farebox
