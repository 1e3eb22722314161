// Fills a data directory with a ledger of N records over the last 30 days, of people who
// keep to a project, a few models and two keys. For ./dev bench usage.
//
//   ledger_fill DIRECTORY [N]
#include <fmt/format.h>

#include <condition_variable>
#include <filesystem>
#include <random>

#include "storage/record_codec.hpp"
#include "storage/rocks_ledger.hpp"

namespace {

using namespace farebox;

// Counts what was written, so that no more than a few turns wait.
class Counter final : public CommitSink {
 public:
  void committed(std::span<const CommitResult> results) override {
    const std::lock_guard lock(mutex_);
    written_ += results.size();
    more_.notify_one();
  }
  void wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    more_.wait(lock, [&] { return written_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::uint64_t written_ = 0;
};

Record make_record(std::uint64_t number, std::uint64_t of, WallTime now, std::mt19937_64& random) {
  const auto below = [&](std::uint64_t end) { return random() % end; };
  const std::uint64_t user = below(200);
  const std::uint64_t model = (user + below(3)) % 20;
  Record record;
  record.time = now - std::chrono::microseconds(std::chrono::days(30)) / of * (of - number);
  record.request_id = fmt::format("req_{:026x}", random());
  record.provider = record.dialect = model % 2 == 0 ? "openai" : "anthropic";
  record.endpoint = model % 2 == 0 ? "chat.completions" : "messages";
  record.model = record.requested_model = fmt::format("model-of-some-length-{}", model);
  record.project = fmt::format("project-{}", user % 12);
  record.org = fmt::format("org-{}", user % 3);
  record.user = fmt::format("user-{}", user);
  record.key_name = fmt::format("key-{}", (user + below(2)) % 30);
  record.outcome = below(20) == 0 ? Outcome::provider_error : Outcome::ok;
  record.status = record.outcome == Outcome::ok ? 200 : 500;
  record.metered = record.priced = true;
  record.usage.source = UsageSource::reported;
  record.usage.input = 200 + below(8'000);
  record.usage.output = 20 + below(1'500);
  record.cost = Money::picodollars(static_cast<Int128>(below(50'000'000'000)));
  record.attempts.push_back({record.provider, record.model, record.status, record.outcome,
                             record.cost, true, static_cast<std::uint32_t>(below(9'000)), true});
  return record;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const std::uint64_t records = argc > 2 ? std::stoull(argv[2]) : 1'000'000;
  std::filesystem::create_directories(argv[1]);
  const SystemClock clock;
  Logger log(2, Level::warn, Logger::Format::json, clock);
  LedgerSettings settings;
  settings.sync = LedgerSync::never;
  auto ledger = RocksLedger::open({argv[1], settings, nullptr}, log, clock);
  if (!ledger) {
    fmt::print(stderr, "{}\n", ledger.error().context);
    return 1;
  }
  std::mt19937_64 random(1);
  Counter counter;
  constexpr std::uint64_t kTurn = 500;
  for (std::uint64_t number = 0; number < records;) {
    Turn turn;
    turn.sink = &counter;
    for (std::uint64_t i = 0; i < kTurn && number < records; ++i, ++number) {
      Turn::Write& write = turn.writes.emplace_back();
      write.what = Turn::What::settle;
      write.ticket = 1;
      write.offset = turn.octets.size();
      encode_record(turn.octets, make_record(number, records, clock.wall_now(), random), HoldId());
      write.size = turn.octets.size() - write.offset;
    }
    (*ledger)->submit(std::move(turn));
    if (number > 8 * kTurn) counter.wait_for(number - 8 * kTurn);
  }
  counter.wait_for(records);
  (*ledger)->close();
  return 0;
}
