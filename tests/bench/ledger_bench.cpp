// ./dev bench ledger: durable records a second with 1, 64 and 1,024 waiters, each of
// whom waits until its record is on the disk before it hands over the next one, beside
// RocksDB's own synced Put from 64 threads on the same disk. One JSON line.
#include <fmt/format.h>
#include <rocksdb/db.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <thread>

#include "storage/record_codec.hpp"
#include "storage/rocks_ledger.hpp"

namespace {

using namespace farebox;
using Clock_ = std::chrono::steady_clock;

double seconds_since(Clock_::time_point begin) {
  return std::chrono::duration<double>(Clock_::now() - begin).count();
}

Record sample() {
  Record record;
  record.time = std::chrono::time_point_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now());
  record.request_id = "req_0123456789abcdefghijklmnop";
  record.provider = record.dialect = "openai";
  record.endpoint = "chat.completions";
  record.model = record.requested_model = "gpt-4o-mini";
  record.project = "search";
  record.status = 200;
  record.usage.source = UsageSource::reported;
  record.usage.input = 1200;
  record.usage.output = 80;
  record.cost = Money::picodollars(228'000'000);
  record.priced = record.metered = true;
  record.attempts.push_back({"openai", "gpt-4o-mini", 200, Outcome::ok, record.cost, true, 12, true});
  return record;
}

// All waiters of one client thread: whatever was told is handed over again as one turn.
class Waiters final : public CommitSink {
 public:
  Waiters(Ledger& ledger, std::uint32_t count, const std::string& payload)
      : ledger_(ledger), payload_(payload) {
    for (std::uint32_t i = 1; i <= count; ++i) told_.push_back(i);
  }

  void committed(std::span<const CommitResult> results) override {
    const std::lock_guard lock(mutex_);
    for (const CommitResult& result : results) told_.push_back(result.ticket);
    ready_.notify_one();
  }

  std::uint64_t run(double seconds) {
    const auto begin = Clock_::now();
    std::vector<std::uint32_t> again;
    std::uint64_t in_flight = 0, done = 0;
    while (true) {
      {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return !told_.empty(); });
        again.swap(told_);
      }
      if (in_flight != 0) {
        in_flight -= again.size();
        done += again.size();
      }
      if (seconds_since(begin) >= seconds) {
        if (in_flight == 0) return done;
        again.clear();
        continue;
      }
      Turn turn;
      turn.sink = this;
      turn.octets.reserve(again.size() * payload_.size());
      for (const std::uint32_t ticket : again) {
        Turn::Write write;
        write.what = Turn::What::settle;
        write.ticket = ticket;
        write.offset = turn.octets.size();
        write.size = payload_.size();
        turn.octets += payload_;
        turn.writes.push_back(write);
      }
      in_flight += again.size();
      again.clear();
      ledger_.submit(std::move(turn));
    }
  }

 private:
  Ledger& ledger_;
  const std::string& payload_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<std::uint32_t> told_;
};

double plain_rocksdb(const std::string& directory, int threads, double seconds, std::size_t size) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(options, directory, &opened).ok()) return 0;
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::string value(size, 'x');
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  const auto begin = Clock_::now();
  for (int i = 0; i < threads; ++i) {
    writers.emplace_back([&] {
      rocksdb::WriteOptions synced;
      synced.sync = true;
      while (!stop) db->Put(synced, fmt::format("{:016x}", next++), value);
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (auto& writer : writers) writer.join();
  return static_cast<double>(next) / seconds_since(begin);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::stod(argv[1]) : 3;
  namespace fs = std::filesystem;
  const std::string root = fs::temp_directory_path() / fmt::format("farebox-bench-{}", getpid());
  std::string payload;
  encode_record(payload, sample(), HoldId());
  const SystemClock clock;
  Logger log(2, Level::warn, Logger::Format::json, clock);
  std::string line = fmt::format("{{\"bench\": \"ledger\", \"recordOctets\": {}", payload.size());
  double most = 0;
  for (const std::uint32_t waiters : {1u, 64u, 1024u}) {
    const std::string directory = fmt::format("{}/{}", root, waiters);
    fs::create_directories(directory);
    LedgerSettings settings;
    settings.sync = LedgerSync::always;
    auto ledger = RocksLedger::open({directory, settings, nullptr}, log, clock);
    if (!ledger) return 1;
    Waiters all(**ledger, waiters, payload);
    const auto begin = Clock_::now();
    const std::uint64_t done = all.run(seconds);
    const double rate = static_cast<double>(done) / seconds_since(begin);
    most = std::max(most, rate);
    line += fmt::format(", \"durable{}\": {:.0f}", waiters, rate);
    (*ledger)->close();
  }
  fs::create_directories(root + "/plain");
  const double plain = plain_rocksdb(root + "/plain", 64, seconds, payload.size());
  fs::remove_all(root);
  fmt::print("{}, \"rocksdbSyncPut64Threads\": {:.0f}, \"ratio1024\": {:.1f}}}\n", line, plain,
             most / plain);
  return 0;
}
