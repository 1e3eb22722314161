// UpstreamPool: one worker's connections to one provider.
//
// Used by its worker's thread only. A connection is lent to one exchange at a time
// and comes back when its answer was read to the end and nothing is left in its
// buffer or socket; anything else is dropped. The count over all workers is bounded
// by the provider's PoolSlots. No read is in flight on an idle connection: Asio reads
// ahead of its completion, and octets that are neither in the socket nor in the buffer
// yet would make a poisoned connection look quiet. A pool that a reload made superfluous is
// retired: what is lent comes back to be closed.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/channel.hpp"
#include "proxy/connect_reason.hpp"
#include "proxy/deadline.hpp"
#include "proxy/provider.hpp"
#include "proxy/warm_up.hpp"

namespace farebox {

class HealthCheck;

struct UpstreamConnection {
  std::unique_ptr<Channel> channel;
  SteadyTime born;
  SteadyTime idle_since;
  std::uint32_t requests = 0;  // carried so far
  bool rested = false;         // it lay in the pool: its peer may have left meanwhile
  bool successor_asked = false;  // it is worn, and another is dialled to take its place
};

enum class Freshness : std::uint8_t { any, fresh_only };

class UpstreamPool : public std::enable_shared_from_this<UpstreamPool> {
 public:
  static std::shared_ptr<UpstreamPool> make(Executor executor, std::shared_ptr<Provider> provider,
                                            const Clock& clock);
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  // A warm connection that is alive and quiet, or null.
  std::unique_ptr<UpstreamConnection> take_idle();

  // Someone who waits for a connection. Its event is set when `done`.
  struct Waiter {
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
      if (pool != nullptr) pool->abandon(*this);
    }
    Event* wake = nullptr;
    UpstreamPool* pool = nullptr;  // while it may have to be told
    bool done = false;
    std::unique_ptr<UpstreamConnection> connection;  // or
    Error error;
  };
  // Queues the waiter and dials if a slot is free. Who dies waiting, of an exception, is
  // forgotten, and what came meanwhile is dropped.
  void wait_for(Waiter& waiter);
  void forget(Waiter& waiter);

  void give_back(std::unique_ptr<UpstreamConnection> connection);
  void drop(std::unique_ptr<UpstreamConnection> connection);

  // Closes what is idle or alive too long, or dead, and fills up to pool.min. Called about
  // once a second; begins an active check when one is due.
  void sweep();
  // Fills up to pool.min at once, whatever failed before: the provider is well again.
  void warm();
  void close_idle();
  void retire();  // keeps nothing idle from now on

  const Provider& provider() const { return *provider_; }

  std::size_t idle() const { return idle_.size(); }
  std::size_t busy() const { return lent_; }
  std::size_t dialling() const { return dials_; }
  std::size_t waiting() const { return waiters_.size(); }
  const Connects& connects() const { return connects_; }
  std::uint64_t failed_connects() const { return failed_connects_; }
  std::uint64_t failed_at_proxy() const { return failed_at_proxy_; }  // not in failed_connects

 private:
  UpstreamPool(Executor executor, std::shared_ptr<Provider> provider, const Clock& clock);

  // One dial that runs. Unless it brings a connection its slot goes back and somebody hears why,
  // also when it ends with an exception.
  class Dial {
   public:
    explicit Dial(std::shared_ptr<UpstreamPool> pool);
    Dial(Dial&&) noexcept = default;
    ~Dial() { failed(Error(ErrorCode::overloaded, "no memory")); }
    UpstreamPool& pool() const { return *pool_; }
    void failed(const Error& error) noexcept;
    void succeeded(std::unique_ptr<UpstreamConnection> connection);

   private:
    std::shared_ptr<UpstreamPool> pool_;  // null: it is over
  };
  static awaitable<void> dial(Dial running, ConnectReason reason);
  void abandon(Waiter& waiter) noexcept;
  void begin_dial(ConnectReason reason);
  void fill_up();
  bool replaced(UpstreamConnection& connection, SteadyTime now);
  void dial_if_wanted();
  void use_free_slot();
  void deliver(std::unique_ptr<UpstreamConnection> connection);
  void fail_first(const Error& error);
  bool expired(const UpstreamConnection& connection, SteadyTime now) const;
  void discard(std::unique_ptr<UpstreamConnection> connection);
  void give_up_one();

  Executor executor_;
  const std::shared_ptr<Provider> provider_;
  const Clock& clock_;
  bool retired_ = false;
  std::vector<std::unique_ptr<UpstreamConnection>> idle_;  // last in, first out
  std::deque<Waiter*> waiters_;
  std::size_t dials_ = 0;
  std::size_t lent_ = 0;
  std::size_t successors_ = 0;  // that are there and whose predecessors are still
  WarmUp warm_up_;
  bool left_alone_ = false;  // the provider's breaker wasn't closed at the last sweep
  std::shared_ptr<HealthCheck> check_;  // the last one that began
  Connects connects_{};
  std::uint64_t failed_connects_ = 0;
  std::uint64_t failed_at_proxy_ = 0;
};

}  // namespace farebox
