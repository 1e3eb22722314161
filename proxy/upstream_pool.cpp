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

UpstreamPool::UpstreamPool(Executor executor, Provider& provider, const Clock& clock)
    : executor_(executor), provider_(provider), clock_(clock) {
  provider_.slots->join({this,
                         [this] { asio::post(executor_, [this] { use_free_slot(); }); },
                         [this] { asio::post(executor_, [this] { give_up_one(); }); }});
}

UpstreamPool::~UpstreamPool() {
  provider_.slots->leave(this);
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
  if (waiters_.empty()) provider_.slots->forget(this);
}

void UpstreamPool::use_free_slot() {
  if (waiters_.size() > dials_) {
    dial_if_wanted();
  } else {
    provider_.slots->pass_on();
  }
}

void UpstreamPool::give_back(std::unique_ptr<UpstreamConnection> connection) {
  --lent_;
  ++connection->requests;
  connection->idle_since = clock_.steady_now();
  connection->channel->attach(nullptr);
  if (connection->requests >= provider_.settings.pool.max_requests ||
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
  return now - connection.born > provider_.settings.pool.max_lifetime ||
         now - connection.idle_since > provider_.settings.pool.idle_timeout;
}

void UpstreamPool::discard(std::unique_ptr<UpstreamConnection> connection) {
  Channel::retire(std::move(connection->channel));
  provider_.slots->release();
}

void UpstreamPool::dial_if_wanted() {
  while (waiters_.size() > dials_) {
    if (!provider_.slots->take(this)) return;
    ++dials_;
    asio::co_spawn(executor_, dial(), asio::detached);
  }
}

awaitable<void> UpstreamPool::dial() {
  const SteadyTime deadline = clock_.steady_now() + provider_.settings.timeouts.connect;
  auto stream = co_await connect_upstream(executor_, provider_, deadline);
  --dials_;
  if (!stream) {
    ++(stream.error().at_proxy ? failed_at_proxy_ : failed_connects_);
    provider_.slots->release();
    fail_first(stream.error());
    dial_if_wanted();
    co_return;
  }
  ++connects_;
  auto connection = std::make_unique<UpstreamConnection>();
  connection->channel = std::make_unique<Channel>(std::move(*stream), kReceiveReserve);
  connection->born = connection->idle_since = clock_.steady_now();
  deliver(std::move(connection));
}

void UpstreamPool::deliver(std::unique_ptr<UpstreamConnection> connection) {
  if (waiters_.empty()) {
    // Where another worker waits for a slot, an idle connection of ours is worth less.
    if (provider_.slots->wanted()) {
      discard(std::move(connection));
    } else {
      idle_.push_back(std::move(connection));
    }
    return;
  }
  Waiter* const first = waiters_.front();
  waiters_.pop_front();
  if (waiters_.empty()) provider_.slots->forget(this);
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
