// Worker: one thread with its event loop, its acceptor, its pools, its connections.
//
// Workers share the port by SO_REUSEPORT and nothing else but Services. What another
// thread may call is marked; everything else belongs to the worker's own thread.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/client_connection.hpp"
#include "proxy/metrics.hpp"
#include "proxy/services.hpp"
#include "proxy/upstream_pool.hpp"

namespace farebox {

class Worker {
 public:
  // `listener` is a bound, listening socket of the data port, owned from here on.
  Worker(Services& services, MetricsShard& metrics, int listener, bool ipv6);
  ~Worker();

  void start();              // begins accepting, on a thread of its own
  void drain();              // any thread: accept no more, finish what runs
  void cut();                // any thread: end what still runs
  void stop();               // any thread: leave the loop; join returns soon
  void join();
  std::size_t connections() const { return connection_count_.load(std::memory_order_relaxed); }

  Services& services() { return services_; }
  MetricsShard& metrics() { return metrics_; }
  Executor executor() { return context_.get_executor(); }
  UpstreamPool& pool(const Provider& provider) { return *pools_[provider.index]; }
  std::string make_request_id();

  // Any thread: what the pools hold, as of the last tick.
  std::vector<UpstreamGauge> gauges() const;

 private:
  using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

  awaitable<void> accept();
  awaitable<void> serve(Socket socket);
  awaitable<void> tick();
  void publish_gauges();

  Services& services_;
  MetricsShard& metrics_;
  asio::io_context context_{1};
  Acceptor acceptor_;
  Timer pause_;
  Timer ticker_;
  std::vector<std::unique_ptr<UpstreamPool>> pools_;
  std::list<ClientConnection*> clients_;
  std::atomic<std::size_t> connection_count_{0};
  bool draining_ = false;
  std::uint64_t id_state_[2];
  mutable std::mutex gauges_mutex_;
  std::vector<UpstreamGauge> gauges_;
  std::thread thread_;
};

}  // namespace farebox
