#include "proxy/upstream_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

#include "proxy/health_board.hpp"
#include "proxy/provider_state.hpp"
#include "proxy/health_check.hpp"
#include "proxy/upstream_connect.hpp"
#include "proxy/upstream_slots.hpp"

namespace farebox {
namespace {

// One read takes a usual answer whole; a stalled stream holds no more than this.
constexpr std::size_t kReceiveReserve = 16 << 10;

// A connection is worn, and gets a successor, when this part of its life is over: so nobody
// waits for a dial when it ends.
constexpr std::uint32_t kWornPercent = 95;

bool is_worn(const UpstreamConnection& connection, const PoolSettings& pool, SteadyTime now) {
  return std::uint64_t{connection.requests} * 100 >= std::uint64_t{pool.max_requests} * kWornPercent ||
         (now - connection.born) * 100 >= pool.max_lifetime * kWornPercent;
}

std::uint64_t seed_of(const void* place, SteadyTime now) {
  return reinterpret_cast<std::uintptr_t>(place) ^
         static_cast<std::uint64_t>(now.time_since_epoch().count());
}

}  // namespace

UpstreamPool::UpstreamPool(Executor executor, std::shared_ptr<Provider> provider,
                           const Clock& clock)
    : executor_(executor),
      provider_(std::move(provider)),
      clock_(clock),
      warm_up_(seed_of(this, clock.steady_now())) {}

std::shared_ptr<UpstreamPool> UpstreamPool::make(Executor executor,
                                                 std::shared_ptr<Provider> provider,
                                                 const Clock& clock) {
  const std::shared_ptr<UpstreamPool> pool(
      new UpstreamPool(executor, std::move(provider), clock));
  // What another thread asks for may arrive when the pool is gone.
  const std::weak_ptr<UpstreamPool> weak = pool;
  const auto tell = [executor, weak](void (UpstreamPool::*what)()) {
    asio::post(executor, [weak, what] {
      if (const auto self = weak.lock()) ((*self).*what)();
    });
  };
  pool->provider_->slots->join({pool.get(), [tell] { tell(&UpstreamPool::use_free_slot); },
                                [tell] { tell(&UpstreamPool::give_up_one); }});
  return pool;
}

UpstreamPool::~UpstreamPool() {
  provider_->slots->leave(this);
  close_idle();
  // It may have been told of a free slot that somebody else can use.
  provider_->slots->pass_on();
}

void UpstreamPool::retire() {
  retired_ = true;
  close_idle();
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take_idle() {
  const SteadyTime now = clock_.steady_now();
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    // Reused only when buffer and socket are empty: octets that nobody asked for
    // would become the next client's answer.
    if (!expired(*connection, now) && connection->channel->quiet()) {
      ++lent_;
      return connection;
    }
    discard(std::move(connection));
  }
  return nullptr;
}

void UpstreamPool::wait_for(Waiter& waiter) {
  waiter.pool = this;
  waiters_.push_back(&waiter);
  dial_if_wanted();
}

void UpstreamPool::forget(Waiter& waiter) {
  waiter.pool = nullptr;
  std::erase(waiters_, &waiter);
  if (waiters_.empty()) provider_->slots->forget(this);
}

void UpstreamPool::abandon(Waiter& waiter) noexcept {
  if (!waiter.done) {
    forget(waiter);
  } else if (waiter.connection) {
    drop(std::move(waiter.connection));
  }
}

void UpstreamPool::use_free_slot() {
  if (waiters_.size() > dials_) {
    dial_if_wanted();
  } else {
    provider_->slots->pass_on();
  }
}

void UpstreamPool::give_back(std::unique_ptr<UpstreamConnection> connection) {
  --lent_;
  ++connection->requests;
  connection->idle_since = clock_.steady_now();
  connection->channel->attach(nullptr);
  if (replaced(*connection, connection->idle_since) ||
      expired(*connection, connection->idle_since) || connection->channel->ended() ||
      connection->channel->sending() || connection->channel->reading() ||
      !connection->channel->received().empty() ||
      // Who takes it from the pool looks at the socket; who waits for it does not.
      (!waiters_.empty() && !connection->channel->quiet())) {
    discard(std::move(connection));
    dial_if_wanted();
    return;
  }
  connection->channel->shrink();
  deliver(std::move(connection));
}

void UpstreamPool::drop(std::unique_ptr<UpstreamConnection> connection) {
  --lent_;
  discard(std::move(connection));
  try {
    dial_if_wanted();
  } catch (const std::exception&) {
    // Who drops a connection may be on its way out of an exception already.
  }
}

// A worn connection goes when its successor is there, or when its life is over.
bool UpstreamPool::replaced(UpstreamConnection& connection, SteadyTime now) {
  const PoolSettings& pool = provider_->settings.pool;
  if (!is_worn(connection, pool, now)) return false;
  if (!connection.successor_asked && !retired_ && provider_->slots->take_spare()) {
    connection.successor_asked = true;
    begin_dial(ConnectReason::replace);
  }
  const bool at_end =
      connection.requests >= pool.max_requests || now - connection.born > pool.max_lifetime;
  if (successors_ == 0) return at_end;
  --successors_;
  return true;
}

void UpstreamPool::sweep() {
  const SteadyTime now = clock_.steady_now();
  for (auto& connection : idle_) {
    if (expired(*connection, now) || !connection->channel->quiet()) {
      discard(std::move(connection));
    }
  }
  std::erase(idle_, nullptr);
  // Successors of connections that ended otherwise displace nobody.
  if (idle_.empty() && lent_ == 0) successors_ = 0;
  // Who comes back is met with open connections.
  const auto breaker = provider_->state->breakers().sight().state;
  const bool closed = breaker == CircuitBreaker::State::closed;
  if (std::exchange(left_alone_, !closed) && closed) warm_up_.encourage();
  fill_up();
  if (!retired_ && provider_->health->claim(now)) {
    check_ = HealthCheck::begin(executor_, shared_from_this(), clock_);
  }
}

void UpstreamPool::warm() {
  warm_up_.encourage();
  fill_up();
}

void UpstreamPool::fill_up() {
  const std::uint32_t least = provider_->settings.pool.min;
  if (least == 0 || retired_ || provider_->slots->wanted()) return;
  const std::size_t share = provider_->slots->share_of(this, least);
  std::size_t due =
      warm_up_.due(share, idle_.size() + lent_ + dials_, dials_, clock_.steady_now());
  for (; due != 0 && provider_->slots->take_spare(); --due) begin_dial(ConnectReason::warm);
}

void UpstreamPool::close_idle() {
  if (check_) check_->cancel();
  check_.reset();  // its timer must not outlive the worker's loop
  for (auto& connection : idle_) discard(std::move(connection));
  idle_.clear();
}

bool UpstreamPool::expired(const UpstreamConnection& connection, SteadyTime now) const {
  return now - connection.born > provider_->settings.pool.max_lifetime ||
         now - connection.idle_since > provider_->settings.pool.idle_timeout;
}

void UpstreamPool::discard(std::unique_ptr<UpstreamConnection> connection) {
  Channel::retire(std::move(connection->channel));
  provider_->slots->release();
}

void UpstreamPool::dial_if_wanted() {
  while (waiters_.size() > dials_) {
    if (!provider_->slots->take(this)) {
      // A call that may not be repeated wants a fresh connection although some are idle;
      // of those that hold all the slots one of ours has to go.
      if (idle_.empty()) return;
      give_up_one();
      continue;
    }
    const bool none = idle_.empty() && lent_ == 0 && dials_ == 0;
    begin_dial(none ? ConnectReason::first : ConnectReason::grow);
  }
}

UpstreamPool::Dial::Dial(std::shared_ptr<UpstreamPool> pool) : pool_(std::move(pool)) {
  ++pool_->dials_;
}

void UpstreamPool::Dial::failed(const Error& error) noexcept {
  if (!pool_) return;
  const auto pool = std::move(pool_);
  --pool->dials_;
  pool->provider_->slots->release();
  try {
    pool->fail_first(error);
    pool->dial_if_wanted();
  } catch (const std::exception&) {
    // Who waits goes when its time is over.
  }
}

void UpstreamPool::Dial::succeeded(std::unique_ptr<UpstreamConnection> connection) {
  const auto pool = std::move(pool_);
  --pool->dials_;
  pool->deliver(std::move(connection));
}

// The caller has taken a slot.
void UpstreamPool::begin_dial(ConnectReason reason) {
  asio::co_spawn(executor_, dial(Dial(shared_from_this()), reason), asio::detached);
}

awaitable<void> UpstreamPool::dial(Dial running, ConnectReason reason) {
  UpstreamPool& self = running.pool();
  const Provider& provider = *self.provider_;
  const SteadyTime deadline = self.clock_.steady_now() + provider.settings.timeouts.connect;
  auto stream = co_await connect_upstream(self.executor_, provider, deadline);
  if (!stream) {
    self.warm_up_.failed(self.clock_.steady_now());
    ++(stream.error().at_proxy ? self.failed_at_proxy_ : self.failed_connects_);
    running.failed(stream.error());
    co_return;
  }
  auto connection = std::make_unique<UpstreamConnection>();
  connection->channel = std::make_unique<Channel>(std::move(*stream), kReceiveReserve);
  connection->born = connection->idle_since = self.clock_.steady_now();
  self.warm_up_.encourage();
  ++self.connects_[static_cast<std::size_t>(reason)];
  if (reason == ConnectReason::replace) ++self.successors_;
  running.succeeded(std::move(connection));
}

void UpstreamPool::deliver(std::unique_ptr<UpstreamConnection> connection) {
  if (waiters_.empty()) {
    // Where another worker waits for a slot, an idle connection of ours is worth less.
    if (retired_ || provider_->slots->wanted()) {
      discard(std::move(connection));
    } else {
      connection->rested = true;
      if (idle_.size() == idle_.capacity()) idle_.reserve(2 * idle_.size() + 4);
      idle_.push_back(std::move(connection));
    }
    return;
  }
  Waiter* const first = waiters_.front();
  waiters_.pop_front();
  if (waiters_.empty()) provider_->slots->forget(this);
  ++lent_;
  first->connection = std::move(connection);
  first->done = true;
  first->wake->set();
}

void UpstreamPool::fail_first(const Error& error) {
  if (waiters_.empty()) return;
  Waiter* const first = waiters_.front();
  waiters_.pop_front();
  first->error = error;
  first->done = true;
  first->wake->set();
}

void UpstreamPool::give_up_one() {
  if (idle_.empty()) return;
  auto oldest = std::move(idle_.front());
  idle_.erase(idle_.begin());
  discard(std::move(oldest));
}

}  // namespace farebox
