#include "proxy/upstream_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

#include "proxy/upstream_connect.hpp"
#include "proxy/upstream_slots.hpp"

namespace farebox {
namespace {

// One read takes a usual answer whole; a stalled stream holds no more than this.
constexpr std::size_t kReceiveReserve = 16 << 10;

}  // namespace

UpstreamPool::UpstreamPool(Executor executor, std::shared_ptr<Provider> provider,
                           const Clock& clock)
    : executor_(executor), provider_(std::move(provider)), clock_(clock) {}

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
  waiters_.push_back(&waiter);
  dial_if_wanted();
}

void UpstreamPool::forget(Waiter& waiter) {
  std::erase(waiters_, &waiter);
  if (waiters_.empty()) provider_->slots->forget(this);
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
  if (connection->requests >= provider_->settings.pool.max_requests ||
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
  dial_if_wanted();
}

void UpstreamPool::sweep() {
  const SteadyTime now = clock_.steady_now();
  for (auto& connection : idle_) {
    if (expired(*connection, now) || !connection->channel->quiet()) {
      discard(std::move(connection));
    }
  }
  std::erase(idle_, nullptr);
}

void UpstreamPool::close_idle() {
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
    ++dials_;
    asio::co_spawn(executor_, dial(shared_from_this()), asio::detached);
  }
}

awaitable<void> UpstreamPool::dial(std::shared_ptr<UpstreamPool> self) {
  const Provider& provider = *self->provider_;
  const SteadyTime deadline = self->clock_.steady_now() + provider.settings.timeouts.connect;
  auto stream = co_await connect_upstream(self->executor_, provider, deadline);
  --self->dials_;
  if (!stream) {
    ++(stream.error().at_proxy ? self->failed_at_proxy_ : self->failed_connects_);
    provider.slots->release();
    self->fail_first(stream.error());
    self->dial_if_wanted();
    co_return;
  }
  ++self->connects_;
  auto connection = std::make_unique<UpstreamConnection>();
  connection->channel = std::make_unique<Channel>(std::move(*stream), kReceiveReserve);
  connection->born = connection->idle_since = self->clock_.steady_now();
  self->deliver(std::move(connection));
}

void UpstreamPool::deliver(std::unique_ptr<UpstreamConnection> connection) {
  if (waiters_.empty()) {
    // Where another worker waits for a slot, an idle connection of ours is worth less.
    if (retired_ || provider_->slots->wanted()) {
      discard(std::move(connection));
    } else {
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
