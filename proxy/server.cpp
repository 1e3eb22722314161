#include "proxy/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>

#include "proxy/admin.hpp"
#include "proxy/breaker_watch.hpp"
#include "proxy/configuration_memory.hpp"
#include "proxy/data_directory.hpp"
#include "proxy/foresight.hpp"
#include "proxy/listen.hpp"
#include "proxy/machine.hpp"
#include "proxy/run_loop.hpp"
#include "proxy/tls_server.hpp"
#include "proxy/version.hpp"
#include "proxy/worker.hpp"
#include "storage/kept_file.hpp"
#include "storage/memory_ledger.hpp"
#include "storage/rocks_ledger.hpp"

namespace farebox {
namespace {

constexpr std::size_t kRecordsKept = 20'000;
// After the grace period, connections get this long to write their records and end.
constexpr std::chrono::seconds kCutTime{2};
constexpr std::chrono::milliseconds kDrainPoll{20};
// How often the files of the certificate are looked at: two calls to stat.
constexpr std::chrono::seconds kFileLook{2};
// How often it is written when keys were last used, and how models count.
constexpr std::chrono::seconds kSave{60};
constexpr std::chrono::milliseconds kLastWords{200};

std::string make_instance() {
  unsigned char octets[6] = {};
  RAND_bytes(octets, sizeof octets);
  std::string instance = "farebox-";
  for (const unsigned char octet : octets) instance += fmt::format("{:02x}", octet);
  return instance;
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number);
  return number;
}

// No call that runs under these settings lasts longer, its reading to the end included.
std::chrono::milliseconds longest_call(const Settings& settings) {
  std::chrono::milliseconds longest = std::chrono::minutes(5);
  for (const ProviderSettings& provider : settings.providers) {
    longest = std::max(longest, provider.timeouts.total + std::chrono::minutes(5));
  }
  return longest;
}

class Server {
 public:
  Server(const Settings& settings, ConfigSource source, Logger& log, const Clock& clock)
      : settings_(settings),
        source_(std::move(source)),
        log_(log),
        clock_(clock),
        metrics_(settings.metrics.max_label_values),
        signals_(context_, SIGTERM, SIGINT, SIGHUP) {}

  int run(const std::function<void(const Addresses&)>& greet) {
    const std::size_t workers = worker_count(settings_);
    if (const auto why = too_few_descriptors(workers)) return fail(74, "open files", *why);
    descriptors_ = take_descriptors(workers);
    set_max_connections(settings_.limits);
    auto first = Configuration::make(settings_, nullptr);
    if (!first) return fail(78, "configuration", first.error().context);
    const std::shared_ptr<const Configuration> configuration = std::move(*first);

    // A start that fails for its ports leaves no empty ledger behind.
    // The apps may be other users of a common group; the admin port is the operator's.
    auto data = open_listeners(settings_.listen, {workers, 0660});
    if (!data) return fail(data.error().exit_code, "listen", data.error().why);
    auto admin = open_listeners(settings_.admin.listen, {1, 0600});
    if (!admin) return fail(admin.error().exit_code, "admin.listen", admin.error().why);

    auto lock = DataDirectory::open(settings_.data_dir);
    if (!lock) return fail(lock.error().exit_code, "data_dir", lock.error().why);
    data_directory_ = std::move(*lock);

    auto ledger = open_ledger();
    if (!ledger) return fail("ledger", ledger.error());
    ledger_ = std::move(*ledger);
    if (settings_.ledger.store != LedgerStore::memory) {
      tokens_.ratios().keep_in(std::make_unique<KeptFile>(ratios_path(settings_.data_dir)), log_);
    }
    memory_.emplace(kept_file("last-configuration"), log_);

    documents_ = settings_.ledger.store == LedgerStore::memory
                     ? make_memory_document_store()
                     : make_document_store(settings_.data_dir);

    governor_.emplace(random_number(), settings_.enforcement.max_scope_values, clock_);
    governor_->use_prices(configuration->prices);
    budgets_.emplace(*documents_, *governor_, *ledger_, clock_, log_);
    const auto governed = budgets_->adopt(settings_, longest_call(settings_));
    if (!governed) return fail("budgets", governed.error());
    audit_.emplace(*ledger_, *documents_, clock_, log_);
    alerts_.emplace(*documents_, *governor_, *budgets_, *ledger_, metrics_, clock_, log_);
    if (const auto read = alerts_->open(); !read) return fail("alerts", read.error());
    foresight_.emplace(*ledger_, *governor_, *alerts_, metrics_, kept_file("retries"), clock_, log_);
    keys_.emplace(*documents_, log_, clock_);
    if (const auto read = keys_->open(); !read) return fail("keys", read.error());
    keys_->adopt(settings_.keys);
    const bool in_memory = settings_.ledger.store == LedgerStore::memory;
    answers_.emplace(in_memory ? std::string() : settings_.data_dir + "/cache", log_, clock_);
    answers_->adopt(settings_.cache);
    ledger_->guard_pruning([this](std::uint64_t kept, const std::function<Result<void>()>& prune) {
      return budgets_->fold(kept, prune);
    });

    foundation_.emplace(Foundation{*ledger_, *documents_, *keys_, log_, metrics_, clock_, admission_,
                                   tokens_, *governor_, *budgets_, *audit_, *alerts_, *answers_,
                                   make_instance()});
    for (const int socket : data->sockets) {
      workers_.push_back(std::make_unique<Worker>(*foundation_, configuration,
                                                  metrics_.add_shard(), socket, data->ipv6));
    }
    answers_->warmer().use([this](std::string request, std::function<void(ErrandResult)> done) {
      Worker& worker = *workers_[next_errand_++ % workers_.size()];
      worker.run_errand(std::move(request), settings_.cache.max_entry, std::move(done));
    });
    reloader_.emplace(
        std::move(source_), configuration,
        [this](std::shared_ptr<const Configuration> next) { adopt(std::move(next)); }, log_,
        clock_);
    if (auto change = memory_->compare(*configuration)) audit_->note({"config file", ""}, *change);
    memory_->keep(*configuration);
    const auto look = [this] { return view(); };
    admin_.emplace(context_, admin->sockets.front(), admin->ipv6, look, clock_, descriptors_.admin);
    admin_->start();
    alerts_->adopt(settings_.alerts);
    alerts_->start();
    for (auto& worker : workers_) worker->start();
    asio::co_spawn(context_, obey_signals(), asio::detached);
    asio::co_spawn(context_, watch_files(), asio::detached);
    asio::co_spawn(context_, save_at_times(), asio::detached);

    log_.info("listening", {{"listen", data->shown},
                            {"admin", admin->shown},
                            {"version", std::string_view(kVersion)},
                            {"workers", static_cast<std::int64_t>(workers)},
                            {"providers", static_cast<std::int64_t>(configuration->providers.size())},
                            {"tls", configuration->tls != nullptr},
                            {"instance", foundation_->instance}});
    if (greet) greet({data->shown, admin->shown});
    run_loop(context_, [](const std::exception&) {});  // of the admin port: its client sees it
    // Connections of the admin port end by themselves once they are told.
    context_.restart();
    context_.run_for(kLastWords);
    beside_.join();
    answers_->warmer().stop();
    for (auto& worker : workers_) worker->stop();
    for (auto& worker : workers_) worker->join();
    alerts_->stop();
    keys_->save_last_used();
    tokens_.close();  // it may still tell a worker's loop
    tokens_.ratios().save();
    ledger_->guard_pruning(nullptr);
    answers_->close();
    ledger_->close();
    const LedgerStatus end = ledger_->status();
    log_.info("stopped", {{"records", static_cast<std::int64_t>(end.appended)}});
    const bool kept = end.writable && end.queued + end.dropped == 0;
    return kept ? 0 : 74;  // not everything is on the disk
  }

 private:
  int fail(int code, std::string_view what, std::string_view why) {
    log_.error("can't start", {{"what", what}, {"why", why}, {"exit", std::int64_t{code}}});
    return code;
  }
  int fail(std::string_view what, const Error& error) {
    return fail(exit_code_of(error), what, error.context);
  }

  Result<std::unique_ptr<Ledger>> open_ledger() {
    if (settings_.ledger.store == LedgerStore::memory) {
      return std::unique_ptr<Ledger>(std::make_unique<MemoryLedger>(kRecordsKept));
    }
    auto opened = RocksLedger::open({settings_.data_dir, settings_.ledger, nullptr, true}, log_, clock_);
    if (!opened) return opened.error();
    return std::unique_ptr<Ledger>(std::move(*opened));
  }

  // In the data directory; null: nothing is kept.
  std::unique_ptr<OctetStore> kept_file(const char* name) const {
    if (settings_.ledger.store == LedgerStore::memory) return nullptr;
    return std::make_unique<KeptFile>(settings_.data_dir + "/" + name);
  }

  static int exit_code_of(const Error& error) {
    if (error.code == ErrorCode::invalid_config) return 78;
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
    snapshot.reloads = reloader_->status();
    snapshot.alerts = alerts_->gauges();
    if (const auto now = reloader_->current(); now->tls) {
      snapshot.certificate_not_after = now->tls->not_after();
    }
    snapshot.client_connections = admission_.connections.load(std::memory_order_relaxed);
    snapshot.buffered_octets = admission_.buffered_octets.load(std::memory_order_relaxed);
    for (const auto& worker : workers_) add_up(snapshot.upstreams, worker->gauges());
    if (const AnswerCache* const cache = answers_->cache()) snapshot.cache = cache->stats();
    return snapshot;
  }

  // What every request on the admin port is answered from.
  AdminView view() {
    struct Seen {
      std::shared_ptr<const Configuration> configuration;
      Services services;
    };
    const auto now = reloader_->current();
    const std::shared_ptr<Seen> seen(new Seen{now, foundation_->under(*now)});
    return {seen->services, [this] { return !draining_; }, [this] { return snapshot(); },
            [this] { return reloader_->reload("POST /api/config/reload"); }, seen};
  }

  void set_max_connections(const LimitSettings& limits) {
    const std::uint32_t most = std::min(limits.connections, descriptors_.clients);
    admission_.max_connections.store(most, std::memory_order_relaxed);
    if (most < limits.connections) {
      log_.warn("fewer clients than limits.connections: raise the limit of open files",
                {{"connections", static_cast<std::int64_t>(most)}});
    }
  }

  // On whatever thread reloads.
  void adopt(std::shared_ptr<const Configuration> next) {
    log_.set_least(static_cast<Level>(next->settings.log.level));
    ledger_->adopt(next->settings.ledger);
    keys_->adopt(next->settings.keys);
    set_max_connections(next->settings.limits);
    governor_->use_prices(next->prices);
    const auto governed =
        budgets_->adopt(next->settings, longest_call(reloader_->current()->settings) +
                                            longest_call(next->settings));
    if (!governed) log_.error("budgets were not taken over as a whole", {{"why", governed.error().context}});
    alerts_->adopt(next->settings.alerts);
    answers_->adopt(next->settings.cache);
    memory_->keep(*next);
    for (auto& worker : workers_) worker->adopt(next);
  }

  void note_reload(const ReloadReport& report, std::string_view by) {
    if (auto change = change_of(report)) audit_->note({std::string(by), ""}, *change);
  }
  awaitable<void> watch_files() {
    while (!draining_) {
      error_code ec;
      file_timer_.expires_after(kFileLook);
      co_await file_timer_.async_wait(asio::redirect_error(use_awaitable, ec));
      if (ec) co_return;
      post_guarded(beside_, [this] {
        if (reloader_->current()->tls) reloader_->look_at_certificate();
        if (const auto read = reloader_->look_at_file()) note_reload(*read, "watch_config");
        look_at_breakers(reloader_->current()->providers, *alerts_);
      });
    }
  }

  awaitable<void> save_at_times() {
    while (!draining_) {
      error_code ec;
      save_timer_.expires_after(kSave);
      co_await save_timer_.async_wait(asio::redirect_error(use_awaitable, ec));
      if (ec) co_return;
      post_guarded(beside_, [this] {
        keys_->save_last_used();
        tokens_.ratios().save();
        foresight_->look();
      });
    }
  }

  awaitable<void> obey_signals() {
    while (true) {
      error_code ec;
      const int signal = co_await signals_.async_wait(asio::redirect_error(use_awaitable, ec));
      if (ec) co_return;
      if (signal == SIGHUP) {
        post_guarded(beside_, [this] { note_reload(reloader_->reload("SIGHUP"), "signal"); });
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
    const SteadyTime grace_ends = clock_.steady_now() + reloader_->current()->settings.limits.drain;
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
    file_timer_.cancel();
    save_timer_.cancel();
    signals_.cancel();
    context_.stop();
  }

  const Settings& settings_;  // of the start
  ConfigSource source_;
  Logger& log_;
  const Clock& clock_;
  DescriptorShares descriptors_;
  std::optional<DataDirectory> data_directory_;
  Metrics metrics_;
  std::unique_ptr<Ledger> ledger_;  // closed when the workers have ended
  std::unique_ptr<DocumentStore> documents_;
  std::optional<KeyDesk> keys_;
  Admission admission_;
  TokenDesk tokens_;
  std::optional<Governor> governor_;
  std::optional<BudgetShelf> budgets_;
  std::optional<AuditLog> audit_;
  std::optional<ConfigurationMemory> memory_;
  std::optional<AlertDesk> alerts_;
  std::optional<Foresight> foresight_;
  std::optional<AnswerDesk> answers_;
  std::atomic<std::size_t> next_errand_{0};
  std::optional<Foundation> foundation_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<Reloader> reloader_;
  asio::thread_pool beside_{1};  // for what reads from disk, so that probes are answered
  asio::io_context context_{1};
  asio::basic_signal_set<Executor> signals_;
  Timer file_timer_{context_};
  Timer save_timer_{context_};
  std::optional<AdminServer> admin_;
  bool draining_ = false;
};

}  // namespace

int run_server(const Settings& settings, ConfigSource source, Logger& log, const Clock& clock,
               const std::function<void(const Addresses&)>& greet) {
  return Server(settings, std::move(source), log, clock).run(greet);
}

}  // namespace farebox
