// Worker: one thread with its event loop, its acceptor, its pools, its connections.
//
// Workers share the port by SO_REUSEPORT and nothing else but what Services refers to. What
// another thread may call is marked; everything else belongs to the worker's own thread.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>

#include <array>
#include <atomic>
#include <exception>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "policy/random.hpp"
#include "policy/tokens/token_counter.hpp"
#include "proxy/client_connection.hpp"
#include "proxy/commit.hpp"
#include "proxy/errand.hpp"
#include "proxy/metrics.hpp"
#include "proxy/services.hpp"
#include "proxy/tenure.hpp"

namespace farebox {

class Worker {
 public:
  // `listener` is a bound, listening socket of the data port, owned from here on.
  Worker(const Foundation& foundation, std::shared_ptr<const Configuration> configuration,
         MetricsShard& metrics, int listener, bool ipv6);
  ~Worker();

  void start();              // begins accepting, on a thread of its own
  // Any thread: what comes from now on runs under `next`; what runs goes on as it began.
  void adopt(std::shared_ptr<const Configuration> next);
  void drain();              // any thread: accept no more, finish what runs
  void cut();                // any thread: end what still runs
  void stop();               // any thread: leave the loop; join returns soon
  void join();
  // Any thread: serves a request that farebox makes of itself (errand.hpp). `done` is called once,
  // unless the worker is stopped before.
  void run_errand(std::string request, std::size_t most_answer,
                  std::function<void(ErrandResult)> done);
  std::size_t connections() const { return connection_count_.load(std::memory_order_relaxed); }

  // What the next request will run under; only good until something else runs. A request
  // has its own: ClientConnection::services.
  Services& services() { return tenures_.current().services(); }
  Tenures& tenures() { return tenures_; }
  const KeySnapshot& keys() { return keys_.now(); }  // good until something else runs
  MetricsShard& metrics() { return metrics_; }
  // Somebody is turned away for want of room: counted, and told of once in a while.
  void note_shed(std::string_view reason, std::string_view what, std::string_view why);
  Executor executor() { return context_.get_executor(); }
  CommitDesk& desk() { return desk_; }
  UpstreamPool& pool(const Provider& provider) { return tenures_.pool(provider); }
  std::string make_request_id();
  std::uint64_t random();  // for jitter and picking, never for secrets
  // Counts by this vocabulary, for who can't wait for the token desk; null: there is none in
  // this build. Kept once it was made.
  TokenCounter* token_counter(Encoding encoding);
  TokenCounter* bounding_counter(Encoding encoding);  // see TokenCounter::make_bounding
  // Counts and logs what no code here throws but for want of memory. Throws nothing.
  void note_exception(std::string_view what, const std::exception& error) noexcept;
  // True some times a second: a flood of refusals must not be a flood of lines.
  bool may_log_refusal() { return refusals_left_ != 0 && refusals_left_-- != 0; }
  // The same for records: whoever is refused at full speed must not fill the disk.
  bool may_record_refusal() { return records_left_ != 0 && records_left_-- != 0; }

  // Any thread: what the pools hold, as of the last tick.
  std::vector<UpstreamGauge> gauges() const;

 private:
  static constexpr std::uint32_t kRefusalsPerTick = 20;
  static constexpr std::uint32_t kRefusalRecordsPerTick = 500;
  using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

  awaitable<void> accept();
  awaitable<bool> accept_one();
  awaitable<void> serve(Socket socket, ClientCounts::Place place);
  awaitable<void> serve_stream(std::unique_ptr<ByteStream> stream, std::size_t peer);
  awaitable<void> tick();
  void run();
  void revive();
  void publish_gauges();

  const Foundation& foundation_;
  MetricsShard& metrics_;
  KeyView keys_;
  CommitDesk desk_;  // before the context: coroutines it destroys at the end still leave it
  Tenures tenures_;  // and still give connections back
  asio::io_context context_{1};
  Acceptor acceptor_;
  Timer pause_;
  Timer ticker_;
  std::list<ClientConnection*> clients_;
  std::atomic<std::size_t> connection_count_{0};
  bool draining_ = false;
  bool may_log_shed_ = true;
  std::uint32_t refusals_left_ = kRefusalsPerTick;
  std::uint32_t records_left_ = kRefusalRecordsPerTick;
  Random id_states_[2]{Random(0), Random(0)};
  Random random_{0};
  // By encoding.
  std::array<std::optional<TokenCounter>, kEncodings> token_counters_, bounding_counters_;
  mutable std::mutex gauges_mutex_;
  std::vector<UpstreamGauge> gauges_;
  std::thread thread_;
  bool accepting_ = false, ticking_ = false;  // those coroutines live
};

}  // namespace farebox
