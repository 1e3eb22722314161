#include "proxy/worker.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "proxy/run_loop.hpp"
#include "proxy/tls_server.hpp"

namespace farebox {
namespace {

constexpr std::chrono::seconds kTick{1};
// When descriptors run out, accepting rests this long instead of spinning.
constexpr std::chrono::milliseconds kAcceptPause{100};
// After the stop, completions of what was closed get this long. Usually no time at all.
constexpr std::chrono::milliseconds kLastWords{500};

// What the kernel holds for a client that doesn't read: what is on its way, and this much more.
void bound_send_queue(Socket& socket) {
  constexpr int kUnsent = 128 << 10;
  // Fails for a Unix socket, which has a bound of its own.
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsent, sizeof kUnsent);
}

// One of those that are counted, as long as it lives.
template <class Number>
class Counted {
 public:
  explicit Counted(Number& count) : count_(count) { count_.fetch_add(1, std::memory_order_relaxed); }
  ~Counted() { count_.fetch_sub(1, std::memory_order_relaxed); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  Number& count_;
};

// Of a coroutine that must not end before its worker.
class Alive {
 public:
  explicit Alive(bool& alive) : alive_(alive) { alive_ = true; }
  ~Alive() { alive_ = false; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;

 private:
  bool& alive_;
};

}  // namespace

Worker::Worker(const Foundation& foundation, std::shared_ptr<const Configuration> configuration,
               MetricsShard& metrics, int listener, bool ipv6)
    : foundation_(foundation),
      metrics_(metrics),
      keys_(foundation.keys),
      desk_(context_, foundation.ledger),
      tenures_(foundation),
      acceptor_(context_, ipv6 ? tcp::v6() : tcp::v4(), listener),
      pause_(context_),
      ticker_(context_) {
  std::uint64_t seeds[3];
  RAND_bytes(reinterpret_cast<unsigned char*>(seeds), sizeof seeds);
  id_states_[0] = Random(seeds[0]);
  id_states_[1] = Random(seeds[1]);
  random_ = Random(seeds[2]);
  tenures_.begin(std::move(configuration), context_.get_executor());
  publish_gauges();
}

Worker::~Worker() {
  stop();
  join();
}

void Worker::start() {
  asio::co_spawn(context_, accept(), asio::detached);
  asio::co_spawn(context_, tick(), asio::detached);
  // Not before all workers are there: each opens its share.
  asio::post(context_, [this] { tenures_.warm(); });
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "worker");
    run();
    // What was closed still has to complete: connections free themselves then.
    context_.restart();
    context_.run_for(kLastWords);
  });
}

void Worker::run() {
  run_loop(context_, [this](const std::exception& error) {
    note_exception("a handler ended with an exception", error);
    try {
      // Behind what Asio has queued to destroy the coroutine of that handler.
      asio::post(context_, [this] { revive(); });
    } catch (const std::exception&) {
      // The next exception, or the next tick, does it.
    }
  });
}

void Worker::revive() {
  if (!accepting_ && !draining_) asio::co_spawn(context_, accept(), asio::detached);
  if (!ticking_) asio::co_spawn(context_, tick(), asio::detached);
}

void Worker::note_exception(std::string_view what, const std::exception& error) noexcept {
  try {
    metrics_.count_shed("memory");
    foundation_.log.error(what, {{"why", std::string_view(error.what())}});
  } catch (const std::exception&) {
    // There is no memory to say so.
  }
}

void Worker::adopt(std::shared_ptr<const Configuration> next) {
  asio::post(context_, [this, next = std::move(next)]() mutable {
    tenures_.begin(std::move(next), context_.get_executor());
    publish_gauges();
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
    tenures_.close_idle();
    context_.stop();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

awaitable<void> Worker::accept() {
  const Alive alive(accepting_);
  bool go_on = true;
  while (go_on) {
    try {
      go_on = co_await accept_one();
    } catch (const std::exception& error) {
      note_exception("a client was not taken", error);  // its socket is closed
    }
  }
}

// False: it is the last.
awaitable<bool> Worker::accept_one() {
  Admission& admission = foundation_.admission;
  error_code ec;
  Socket socket(context_);
  co_await acceptor_.async_accept(socket, asio::redirect_error(use_awaitable, ec));
  if (draining_ || ec == asio::error::operation_aborted) co_return false;
  if (ec) {
    // Out of descriptors or memory: what runs goes on, new ones wait in the backlog.
    note_shed("descriptors", "accept failed", ec.message());
    pause_.expires_after(kAcceptPause);
    co_await pause_.async_wait(asio::redirect_error(use_awaitable, ec));
    co_return !draining_;
  }
  const std::uint32_t room = admission.max_connections.load(std::memory_order_relaxed);
  if (admission.connections.load(std::memory_order_relaxed) >= room) {
    const bool said = room >= services().settings.limits.connections;
    note_shed("connections", "no more clients are taken",
              said ? "limits.connections" : "half of the files that may be open (ulimit -n)");
    co_return true;  // the socket closes: a client sees it at once
  }
  const std::uint32_t most = services().settings.limits.connections_per_client;
  const auto address =
      most == 0 ? std::nullopt : ClientCounts::address_of(socket.native_handle());
  auto entered = address ? admission.clients.enter(*address, most)
                         : std::optional<ClientCounts::Place>(std::in_place);
  if (!entered) {
    note_shed("connections_per_client", "a client has too many connections",
              "limits.connections_per_client");
    co_return true;  // as above
  }
  asio::co_spawn(context_, serve(std::move(socket), std::move(*entered)), asio::detached);
  co_return true;
}

// A line each second at most: whoever is turned away may come back at once.
void Worker::note_shed(std::string_view reason, std::string_view what, std::string_view why) {
  metrics_.count_shed(reason);
  if (!std::exchange(may_log_shed_, false)) return;
  foundation_.log.warn(what, {{"reason", reason}, {"why", why}});
}

awaitable<void> Worker::serve(Socket socket, [[maybe_unused]] ClientCounts::Place place) {
  const Counted in_all(foundation_.admission.connections);
  const Counted here(connection_count_);
  try {
    bound_send_queue(socket);
    const std::size_t peer = ClientCounts::number_of(socket.native_handle());
    TlsServer* const tls = tenures_.current().configuration().tls.get();
    std::unique_ptr<ByteStream> stream;
    if (tls != nullptr) {
      stream = tls->make_stream(std::move(socket));
    } else {
      stream = make_plain_stream(std::move(socket));
    }
    co_await serve_stream(std::move(stream), peer);
  } catch (const std::exception& error) {
    note_exception("a client was not served", error);
  }
}

awaitable<void> Worker::serve_stream(std::unique_ptr<ByteStream> stream, std::size_t peer) {
  ClientConnection client(*this, std::move(stream), peer);
  struct Listed {
    std::list<ClientConnection*>& list;
    std::list<ClientConnection*>::iterator at;
    ~Listed() { list.erase(at); }
  };
  const Listed listed{clients_, clients_.insert(clients_.end(), &client)};
  co_await client.run();
}

void Worker::run_errand(std::string request, std::size_t most_answer,
                        std::function<void(ErrandResult)> done) {
  asio::post(context_, [this, request = std::move(request), most_answer,
                        done = std::move(done)]() mutable {
    // As if it had never been asked; `done` hears of it.
    auto stream = make_errand_stream(executor(), std::move(request), most_answer, std::move(done));
    if (!draining_) asio::co_spawn(context_, serve_stream(std::move(stream), 0), asio::detached);
  });
}

awaitable<void> Worker::tick() {
  const Alive alive(ticking_);
  while (true) {
    error_code ec;
    ticker_.expires_after(kTick);
    co_await ticker_.async_wait(asio::redirect_error(use_awaitable, ec));
    if (ec) co_return;
    try {
      tenures_.sweep();
      foundation_.admission.memory.look(foundation_.clock.steady_now(), services().settings.limits.memory,
                                        foundation_.admission.buffered_octets.load(std::memory_order_relaxed));
      publish_gauges();
      revive();
    } catch (const std::exception& error) {
      note_exception("a look around ended with an exception", error);
    }
    may_log_shed_ = true;
    refusals_left_ = kRefusalsPerTick;
    records_left_ = kRefusalRecordsPerTick;
  }
}

void Worker::publish_gauges() {
  std::vector<UpstreamGauge> gauges = tenures_.gauges();
  const std::lock_guard lock(gauges_mutex_);
  gauges_ = std::move(gauges);
}

std::vector<UpstreamGauge> Worker::gauges() const {
  const std::lock_guard lock(gauges_mutex_);
  return gauges_;
}

// 128 bits, unique rather than secret: a counter under a mixing function, started
// from the system's randomness (splitmix64).
TokenCounter* Worker::token_counter(Encoding encoding) {
  const Encoding base = base_of(encoding);
  auto& counter = token_counters_[static_cast<std::size_t>(base)];
  if (!counter) counter = TokenCounter::make(base);
  return counter ? &*counter : nullptr;
}

TokenCounter* Worker::bounding_counter(Encoding encoding) {
  const Encoding base = base_of(encoding);
  auto& counter = bounding_counters_[static_cast<std::size_t>(base)];
  if (!counter) counter = TokenCounter::make_bounding(base);
  return counter ? &*counter : nullptr;
}

std::uint64_t Worker::random() { return random_.next(); }

std::string Worker::make_request_id() {
  static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
  std::string id = "req_";
  id.reserve(30);
  for (Random& state : id_states_) {
    std::uint64_t mixed = state.next();
    for (int i = 0; i < 13; ++i, mixed >>= 5) id += kDigits[mixed & 31];
  }
  return id;
}

}  // namespace farebox
