#include "proxy/worker.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <openssl/rand.h>
#include <pthread.h>

#include <random>

namespace farebox {
namespace {

constexpr std::chrono::seconds kTick{1};
// When descriptors run out, accepting rests this long instead of spinning.
constexpr std::chrono::milliseconds kAcceptPause{100};
// After the stop, completions of what was closed get this long. Usually no time at all.
constexpr std::chrono::milliseconds kLastWords{500};

}  // namespace

Worker::Worker(Services& services, MetricsShard& metrics, int listener, bool ipv6)
    : services_(services),
      metrics_(metrics),
      desk_(context_, services.ledger),
      acceptor_(context_, ipv6 ? tcp::v6() : tcp::v4(), listener),
      pause_(context_),
      ticker_(context_) {
  RAND_bytes(reinterpret_cast<unsigned char*>(id_state_), sizeof id_state_);
  for (const auto& provider : services.providers) {
    pools_.push_back(
        std::make_unique<UpstreamPool>(context_.get_executor(), *provider, services.clock));
  }
  publish_gauges();
}

Worker::~Worker() {
  stop();
  join();
}

void Worker::start() {
  asio::co_spawn(context_, accept(), asio::detached);
  asio::co_spawn(context_, tick(), asio::detached);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "worker");
    context_.run();
    // What was closed still has to complete: connections free themselves then.
    context_.restart();
    context_.run_for(kLastWords);
  });
}

void Worker::drain() {
  asio::post(context_, [this] {
    draining_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (ClientConnection* client : clients_) client->drain();
  });
}

void Worker::cut() {
  asio::post(context_, [this] {
    for (ClientConnection* client : clients_) client->cut();
  });
}

void Worker::stop() {
  asio::post(context_, [this] {
    error_code ignored;
    acceptor_.close(ignored);
    ticker_.cancel();
    for (auto& pool : pools_) pool->close_idle();
    context_.stop();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

awaitable<void> Worker::accept() {
  Admission& admission = services_.admission;
  while (!draining_) {
    error_code ec;
    Socket socket(context_);
    co_await acceptor_.async_accept(socket, asio::redirect_error(use_awaitable, ec));
    if (draining_) co_return;
    if (ec == asio::error::operation_aborted) co_return;
    if (ec) {
      // Out of descriptors or memory: what runs goes on, new ones wait in the backlog.
      services_.log.warn("accept failed", {{"error", ec.message()}});
      pause_.expires_after(kAcceptPause);
      co_await pause_.async_wait(asio::redirect_error(use_awaitable, ec));
      continue;
    }
    if (admission.connections.load(std::memory_order_relaxed) >=
        admission.max_connections) {
      continue;  // the socket closes: a client sees it at once
    }
    asio::co_spawn(context_, serve(std::move(socket)), asio::detached);
  }
}

awaitable<void> Worker::serve(Socket socket) {
  Admission& admission = services_.admission;
  admission.connections.fetch_add(1, std::memory_order_relaxed);
  connection_count_.fetch_add(1, std::memory_order_relaxed);
  {
    ClientConnection client(*this, make_plain_stream(std::move(socket)));
    const auto place = clients_.insert(clients_.end(), &client);
    co_await client.run();
    clients_.erase(place);
  }
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
  admission.connections.fetch_sub(1, std::memory_order_relaxed);
}

awaitable<void> Worker::tick() {
  while (true) {
    error_code ec;
    ticker_.expires_after(kTick);
    co_await ticker_.async_wait(asio::redirect_error(use_awaitable, ec));
    if (ec) co_return;
    for (auto& pool : pools_) pool->sweep();
    refusals_left_ = kRefusalsPerTick;
    publish_gauges();
  }
}

void Worker::publish_gauges() {
  std::vector<UpstreamGauge> gauges;
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    UpstreamGauge gauge;
    gauge.provider = services_.providers[i]->settings.name;
    gauge.idle = pools_[i]->idle();
    gauge.busy = pools_[i]->busy();
    gauge.dialling = pools_[i]->dialling();
    gauge.connects = pools_[i]->connects();
    gauge.failed_connects = pools_[i]->failed_connects();
    gauge.failed_at_proxy = pools_[i]->failed_at_proxy();
    gauges.push_back(std::move(gauge));
  }
  const std::lock_guard lock(gauges_mutex_);
  gauges_ = std::move(gauges);
}

std::vector<UpstreamGauge> Worker::gauges() const {
  const std::lock_guard lock(gauges_mutex_);
  return gauges_;
}

// 128 bits, unique rather than secret: a counter under a mixing function, started
// from the system's randomness (splitmix64).
std::string Worker::make_request_id() {
  static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
  std::string id = "req_";
  id.reserve(30);
  for (std::uint64_t& state : id_state_) {
    std::uint64_t mixed = state += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    mixed ^= mixed >> 31;
    for (int i = 0; i < 13; ++i, mixed >>= 5) id += kDigits[mixed & 31];
  }
  return id;
}

}  // namespace farebox
