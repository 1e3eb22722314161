#include "proxy/upstream_connect.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>

#include <list>
#include <vector>

#include "proxy/dial_plan.hpp"
#include "proxy/name_cache.hpp"
#include "proxy/tls.hpp"
#include "proxy/tunnel.hpp"
#include "proxy/unreachable.hpp"

namespace farebox {
namespace {

using Chrono = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPatience{1'000};
// What the kernel takes of an answer whose client doesn't read: without a bound it is MiB for
// each of thousands. Enough for 5 MB/s over 100 ms.
constexpr int kReceiveWindow = 512 << 10;

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

// `why` knows what to look at when it is the provider itself.
Error peer_unreachable(const Provider& provider, const error_code& ec,
                       std::string (*why)(const error_code&)) {
  if (is_lack_of_ours(ec)) {
    // Not the provider's failure: its breaker must not open for it.
    return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
                 fmt::format("provider '{}' can't be called: {}", provider.settings.name,
                             why_none_of_ours(ec)));
  }
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

// What one socket that is connected becomes: a stream, after the handshakes there are, until
// `deadline`.
awaitable<Result<std::unique_ptr<ByteStream>>> speak(Socket& socket, const Provider& provider,
                                                     SteadyTime deadline) {
  if (!provider.tls && !provider.proxy_tls) co_return make_plain_stream(std::move(socket));
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  // The stream owns the socket from here; its descriptor is what the alarm ends.
  const int descriptor = socket.native_handle();
  Alarm alarm(socket.get_executor(), deadline,
              [descriptor] { ::shutdown(descriptor, SHUT_RDWR); });
  auto stream = co_await secure(socket, provider);
  alarm.stop();
  if (alarm.fired()) co_return too_slow(provider);
  if (!stream && stream.error().at_proxy) co_return stream.error();
  if (!stream) {
    Error error = unreachable(provider, stream.error().context);
    error.retry = stream.error().retry;
    co_return error;
  }
  co_return std::move(*stream);
}

// The tries that run, and the timer that their coroutine waits on. Whoever has news cancels
// the timer. Not an Event: that would keep a coroutine alive that waits when its worker ends.
struct Race {
  struct Try {
    Try(const Executor& executor, const tcp::endpoint& to, SteadyTime now)
        : address(to), socket(executor), began(now) {}
    tcp::endpoint address;
    Socket socket;
    SteadyTime began;
    error_code ec;
    bool done = false;
  };
  explicit Race(const Executor& executor) : timer(executor) {}

  static void begin(const std::shared_ptr<Race>& self, const Executor& executor,
                    const tcp::endpoint& to) {
    Try& each = self->tries.emplace_back(executor, to, Chrono::now());
    // Before the handshake, which settles how far the window can grow.
    error_code ignored;
    each.socket.open(to.protocol(), ignored);
    each.socket.set_option(asio::socket_base::receive_buffer_size(kReceiveWindow), ignored);
    each.socket.async_connect(to, [self, &each](error_code ec) {
      each.ec = ec;
      each.done = true;
      self->timer.cancel();
    });
  }
  // Nobody waits for its handler: that one keeps what it needs.
  static void end(Try& each) {
    error_code ignored;
    each.socket.close(ignored);
  }

  Timer timer;
  std::list<Try> tries;  // also those that ended: their handlers point here
};

// Tells a race, from whatever thread, that there is news of the name. Until it dies.
class NameWatch {
 public:
  NameWatch(NameCache& names, const Executor& executor, const std::shared_ptr<Race>& race)
      : names_(names), race_(race) {
    const std::weak_ptr<Race> weak = race;
    names_.watch(race.get(), [executor, weak] {
      asio::post(executor, [weak] {
        if (const auto alive = weak.lock()) alive->timer.cancel();
      });
    });
  }
  ~NameWatch() { names_.forget(race_.get()); }
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;

 private:
  NameCache& names_;
  const std::shared_ptr<Race> race_;
};

// Takes what ended out of `running`. The try that won, or null; `reason` is the last failure.
Race::Try* collect(std::vector<Race::Try*>& running, DialPlan& plan, NameCache& names,
                   error_code& reason) {
  Race::Try* winner = nullptr;
  for (Race::Try*& each : running) {
    if (!each->done || (winner != nullptr && !each->ec)) continue;
    if (each->ec) {
      reason = each->ec;
      if (!is_lack_of_ours(reason)) names.note_failed(each->address, Chrono::now());
      Race::end(*each);
      plan.failed();
    } else {
      winner = each;
    }
    each = nullptr;
  }
  std::erase(running, nullptr);
  return winner;
}

// Ends those that run. Who was overtaken by one that began later is slow: its turn comes last.
void end_the_others(std::vector<Race::Try*>& running, const Race::Try& winner, DialPlan& plan,
                    NameCache& names) {
  for (Race::Try* const each : running) {
    if (each->began + DialPlan::kAttemptDelay <= winner.began) {
      names.note_failed(each->address, Chrono::now());
    }
    Race::end(*each);
    plan.put_back(each->address);
  }
  running.clear();
}

}  // namespace

awaitable<Result<std::unique_ptr<ByteStream>>> connect_upstream(Executor executor,
                                                                const Provider& provider,
                                                                SteadyTime deadline) {
  NameCache& names = *provider.names;
  const auto race = std::make_shared<Race>(executor);
  const NameWatch watch(names, executor, race);
  DialPlan plan;
  std::vector<Race::Try*> running;
  Error last = too_slow(provider);
  error_code reason;
  // Whose addresses all fail waits no longer than this for others.
  SteadyTime patience = SteadyTime::max();
  auto wish = NameCache::Wish::usable;
  while (true) {
    if (Race::Try* const winner = collect(running, plan, names, reason)) {
      end_the_others(running, *winner, plan, names);
      // A peer that accepts and says nothing must not use up the time of the others.
      const SteadyTime now = Chrono::now();
      const SteadyTime until = plan.has_more() ? now + (deadline - now) / 2 : deadline;
      auto stream = co_await speak(winner->socket, provider, until);
      if (stream) {
        names.note_worked(winner->address);
        co_return std::move(*stream);
      }
      last = stream.error();
      reason = {};
      names.note_failed(winner->address, Chrono::now());
      plan.failed();
      // What a proxy refused it would refuse again.
      if (last.at_proxy) co_return last;
    }
    const NameCache::Known known = names.look(Chrono::now(), wish);
    wish = NameCache::Wish::usable;
    plan.offer(known.addresses, known.failed_lately);

    const SteadyTime now = Chrono::now();
    const DialPlan::Action action = plan.next(now);
    if (now >= deadline) {
      for (Race::Try* const each : running) {
        names.note_failed(each->address, now);
        Race::end(*each);
      }
      co_return too_slow(provider);
    }
    if (action.what == DialPlan::What::begin) {
      Race::begin(race, executor, action.address);
      running.push_back(&race->tries.back());
      continue;
    }
    const bool exhausted = action.what == DialPlan::What::exhausted;
    if (exhausted && is_lack_of_ours(reason)) {
      co_return peer_unreachable(provider, reason, why_not_connected);
    }
    if (exhausted && patience == SteadyTime::max() && known.answer != 0) {
      // All that is known leads nowhere; perhaps the name leads elsewhere by now.
      patience = now + kPatience;
      wish = NameCache::Wish::newer;
      continue;
    }
    if (exhausted && (!known.asking || now >= patience)) {
      if (reason) co_return peer_unreachable(provider, reason, why_not_connected);
      if (known.addresses.empty()) co_return peer_unreachable(provider, known.error, why_unresolved);
      co_return last;
    }
    error_code ignored;
    race->timer.expires_at(std::min({action.until, deadline, patience}));
    co_await race->timer.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

}  // namespace farebox
