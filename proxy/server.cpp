#include "proxy/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>

#include "config/price_table.hpp"
#include "proxy/admin.hpp"
#include "proxy/data_directory.hpp"
#include "proxy/listen.hpp"
#include "proxy/tls.hpp"
#include "proxy/version.hpp"
#include "proxy/worker.hpp"
#include "storage/memory_ledger.hpp"
#include "storage/rocks_ledger.hpp"

namespace farebox {
namespace {

constexpr std::size_t kRecordsKept = 20'000;
constexpr std::size_t kMostWorkersByDefault = 4;
// After the grace period, connections get this long to write their records and end.
constexpr std::chrono::seconds kCutTime{2};
constexpr std::chrono::milliseconds kDrainPoll{20};
constexpr std::chrono::milliseconds kLastWords{200};
// Descriptors kept for the admin port, the log, the store and what a library opens.
constexpr std::uint64_t kReservedDescriptors = 32;

std::size_t worker_count(const Settings& settings) {
  if (settings.threads != 0) return settings.threads;
  cpu_set_t usable;
  CPU_ZERO(&usable);
  std::size_t cores = 1;
  if (::sched_getaffinity(0, sizeof usable, &usable) == 0) {
    cores = static_cast<std::size_t>(CPU_COUNT(&usable));
  }
  return std::clamp<std::size_t>(cores, 1, kMostWorkersByDefault);
}

std::string make_instance() {
  unsigned char octets[6] = {};
  RAND_bytes(octets, sizeof octets);
  std::string instance = "farebox-";
  for (const unsigned char octet : octets) instance += fmt::format("{:02x}", octet);
  return instance;
}

// Takes all the descriptors the system allows, and says how many clients that is:
// every stream needs two.
std::uint32_t clients_by_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return UINT32_MAX;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t usable =
      limit.rlim_cur > kReservedDescriptors ? (limit.rlim_cur - kReservedDescriptors) / 2 : 1;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(usable, UINT32_MAX));
}

Result<std::vector<std::unique_ptr<Provider>>> make_providers(const Settings& settings) {
  std::vector<std::unique_ptr<Provider>> providers;
  for (const ProviderSettings& said : settings.providers) {
    auto provider =
        std::make_unique<Provider>(said, static_cast<std::uint16_t>(providers.size()));
    if (const auto done = apply_base_url(said.base_url, *provider); !done) return done.error();
    if (provider->tls) {
      auto tls = TlsClient::create(said.ca_file, provider->host);
      if (!tls) return tls.error();
      provider->tls_client = std::move(*tls);
    }
    if (said.proxy && said.proxy->tls) {
      // The provider's ca_file is about the provider.
      auto tls = TlsClient::create("", said.proxy->host);
      if (!tls) return tls.error();
      provider->proxy_tls = std::move(*tls);
    }
    providers.push_back(std::move(provider));
  }
  return providers;
}

class Server {
 public:
  Server(const Settings& settings, Logger& log, const Clock& clock)
      : settings_(settings), log_(log), clock_(clock), metrics_(settings.metrics.max_label_values),
        signals_(context_, SIGTERM, SIGINT, SIGHUP) {}

  int run(const std::function<void(const Addresses&)>& greet) {
    const std::uint32_t by_descriptors = clients_by_descriptors();
    admission_.max_connections = std::min(settings_.limits.connections, by_descriptors);
    if (admission_.max_connections < settings_.limits.connections) {
      log_.warn("fewer clients than limits.connections: raise the limit of open files",
                {{"connections", static_cast<std::int64_t>(admission_.max_connections)}});
    }
    auto prices = load_prices(settings_.prices);
    if (!prices) return fail(78, "prices", prices.error().context);
    auto providers = make_providers(settings_);
    if (!providers) return fail(78, "providers", providers.error().context);
    prices_ = std::move(*prices);
    providers_ = std::move(*providers);
    directory_.emplace(providers_);

    auto lock = DataDirectory::open(settings_.data_dir);
    if (!lock) return fail(lock.error().exit_code, "data_dir", lock.error().why);
    data_directory_ = std::move(*lock);

    auto ledger = open_ledger();
    if (!ledger) return fail(exit_code_of(ledger.error()), "ledger", ledger.error().context);
    ledger_ = std::move(*ledger);

    const std::size_t workers = worker_count(settings_);
    const auto data = open_listeners(settings_.listen, workers);
    if (!data) return fail(data.error().exit_code, "listen", data.error().why);
    const auto admin = open_listeners(settings_.admin.listen, 1);
    if (!admin) return fail(admin.error().exit_code, "admin.listen", admin.error().why);

    services_.emplace(Services{settings_, prices_, *ledger_, log_, metrics_, clock_, providers_,
                               *directory_, admission_, make_instance()});
    for (const int socket : data->sockets) {
      workers_.push_back(
          std::make_unique<Worker>(*services_, metrics_.add_shard(), socket, data->ipv6));
    }
    AdminView view{*services_, [this] { return !draining_; }, [this] { return snapshot(); }};
    admin_.emplace(context_, admin->sockets.front(), admin->ipv6, std::move(view));
    admin_->start();
    for (auto& worker : workers_) worker->start();
    asio::co_spawn(context_, obey_signals(), asio::detached);

    log_.info("listening", {{"listen", data->shown},
                            {"admin", admin->shown},
                            {"version", std::string_view(kVersion)},
                            {"workers", static_cast<std::int64_t>(workers)},
                            {"providers", static_cast<std::int64_t>(providers_.size())},
                            {"instance", services_->instance}});
    if (greet) greet({data->shown, admin->shown});
    context_.run();
    // Connections of the admin port end by themselves once they are told.
    context_.restart();
    context_.run_for(kLastWords);
    for (auto& worker : workers_) worker->stop();
    for (auto& worker : workers_) worker->join();
    ledger_->close();
    const LedgerStatus end = ledger_->status();
    log_.info("stopped", {{"records", static_cast<std::int64_t>(end.appended)}});
    return end.queued + end.dropped == 0 ? 0 : 74;  // not everything is on the disk
  }

 private:
  int fail(int code, std::string_view what, std::string_view why) {
    log_.error("can't start", {{"what", what}, {"why", why}, {"exit", std::int64_t{code}}});
    return code;
  }

  Result<std::unique_ptr<Ledger>> open_ledger() {
    if (settings_.ledger.store == LedgerStore::memory) {
      return std::unique_ptr<Ledger>(std::make_unique<MemoryLedger>(kRecordsKept));
    }
    auto opened = RocksLedger::open({settings_.data_dir, settings_.ledger, nullptr}, log_, clock_);
    if (!opened) return opened.error();
    return std::unique_ptr<Ledger>(std::move(*opened));
  }

  static int exit_code_of(const Error& error) {
    const bool bad_data = error.code == ErrorCode::ledger_damaged ||
                          error.code == ErrorCode::ledger_newer;
    return bad_data ? 65 : 74;
  }

  std::size_t connections() const {
    std::size_t sum = 0;
    for (const auto& worker : workers_) sum += worker->connections();
    return sum;
  }

  MetricsSnapshot snapshot() const {
    MetricsSnapshot snapshot;
    snapshot.ledger = ledger_->status();
    snapshot.log_lines_dropped = log_.dropped();
    snapshot.client_connections = admission_.connections.load(std::memory_order_relaxed);
    snapshot.buffered_octets = admission_.buffered_octets.load(std::memory_order_relaxed);
    for (const auto& worker : workers_) {
      const auto gauges = worker->gauges();
      for (std::size_t i = 0; i < gauges.size(); ++i) {
        if (snapshot.upstreams.size() <= i) snapshot.upstreams.push_back({});
        UpstreamGauge& sum = snapshot.upstreams[i];
        sum.provider = gauges[i].provider;
        sum.idle += gauges[i].idle;
        sum.busy += gauges[i].busy;
        sum.dialling += gauges[i].dialling;
        sum.connects += gauges[i].connects;
        sum.failed_connects += gauges[i].failed_connects;
        sum.failed_at_proxy += gauges[i].failed_at_proxy;
      }
    }
    return snapshot;
  }

  awaitable<void> obey_signals() {
    while (true) {
      error_code ec;
      const int signal =
          co_await signals_.async_wait(asio::redirect_error(use_awaitable, ec));
      if (ec) co_return;
      if (signal == SIGHUP) {
        log_.warn("SIGHUP: reloading the configuration is not built yet; restart to apply it");
        continue;
      }
      if (draining_) {
        stop_now();
        co_return;
      }
      draining_ = true;
      log_.info("draining", {{"connections", static_cast<std::int64_t>(connections())}});
      for (auto& worker : workers_) worker->drain();
      asio::co_spawn(context_, finish_drain(), asio::detached);
    }
  }

  // Running requests get the grace period; then they are cut, and still settle.
  awaitable<void> finish_drain() {
    Timer timer(context_);
    error_code ec;
    const SteadyTime grace_ends = clock_.steady_now() + settings_.limits.drain;
    bool cut = false;
    while (connections() != 0) {
      const SteadyTime now = clock_.steady_now();
      if (now >= grace_ends && !cut) {
        cut = true;
        log_.warn("the grace period is over; cutting what runs",
                  {{"connections", static_cast<std::int64_t>(connections())}});
        for (auto& worker : workers_) worker->cut();
      }
      if (now >= grace_ends + kCutTime) break;
      timer.expires_after(kDrainPoll);
      co_await timer.async_wait(asio::redirect_error(use_awaitable, ec));
      if (ec) co_return;
    }
    stop_now();
  }

  void stop_now() {
    for (auto& worker : workers_) worker->cut();
    admin_->stop();
    signals_.cancel();
    context_.stop();
  }

  const Settings& settings_;
  Logger& log_;
  const Clock& clock_;
  PriceTable prices_;
  std::vector<std::unique_ptr<Provider>> providers_;
  std::optional<Directory> directory_;
  std::optional<DataDirectory> data_directory_;
  Metrics metrics_;
  std::unique_ptr<Ledger> ledger_;  // closed when the workers have ended
  Admission admission_;
  std::optional<Services> services_;
  std::vector<std::unique_ptr<Worker>> workers_;
  asio::io_context context_{1};
  asio::basic_signal_set<Executor> signals_;
  std::optional<AdminServer> admin_;
  bool draining_ = false;
};

}  // namespace

int run_server(const Settings& settings, Logger& log, const Clock& clock,
               const std::function<void(const Addresses&)>& greet) {
  return Server(settings, log, clock).run(greet);
}

}  // namespace farebox
