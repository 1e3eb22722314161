// Fills an answer cache with N answers and says what they cost: time, disk, memory, reads.
//
//   answer_fill DIRECTORY [N] [BODY_OCTETS]
//
// Memory is what the process holds (VmRSS) beyond what it held before the cache was opened; the
// memory tier is 1 MiB, so that it is the disk's.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "storage/answer_cache.hpp"

namespace {

using namespace farebox;
using Clock_ = std::chrono::steady_clock;

double seconds_since(Clock_::time_point began) {
  return std::chrono::duration<double>(Clock_::now() - began).count();
}

std::uint64_t status_kib(const char* name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::stoull(line.substr(line.find(':') + 1));
  }
  return 0;
}

AnswerKey key_of(std::uint64_t number) { return sha256(std::to_string(number)); }

// Some 60 % of it is left after compression.
std::string body_of(std::uint64_t number, std::size_t octets) {
  std::mt19937_64 random(number);
  std::string body = "{\"id\":\"chatcmpl-\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"";
  while (body.size() < octets) {
    for (int i = 0; i < 5; ++i) body += static_cast<char>('!' + random() % 90);
    body += " the answer ";
  }
  body.resize(octets);
  return body;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const std::uint64_t count = argc > 2 ? std::stoull(argv[2]) : 1'000'000;
  const std::size_t octets = argc > 3 ? std::stoull(argv[3]) : 1'100;
  const SystemClock clock;
  Logger log(2, Level::warn, Logger::Format::json, clock);
  AnswerCacheOptions options;
  options.directory = argv[1];
  options.memory = 1 << 20;
  options.disk = 4ull << 30;
  const std::uint64_t before = status_kib("VmRSS");
  const auto say = [&](const char* what, double seconds, AnswerCache& cache) {
    const auto stats = cache.stats();
    const std::uint64_t rss = status_kib("VmRSS"), peak = status_kib("VmHWM");
    fmt::print("{:28} {:7.1f} s  entries {:8}  disk {:6.1f} MiB  RSS {:6.1f} MiB (+{:.1f}, peak +{:.1f})\n",
               what, seconds, stats.disk.entries, static_cast<double>(stats.disk.octets) / 1048576.0,
               static_cast<double>(rss) / 1024.0, static_cast<double>(rss - before) / 1024.0,
               static_cast<double>(peak - before) / 1024.0);
  };

  auto began = Clock_::now();
  auto cache = open_answer_cache(options, log, clock);
  for (std::uint64_t number = 0; number < count; ++number) {
    auto answer = std::make_shared<Answer>();
    answer->name = fmt::format("openai/chat.completions/model-{}", number % 7);
    answer->model = "model";
    answer->stored = clock.wall_now();
    answer->expires = answer->kept = answer->stored + std::chrono::hours(24);
    answer->body = body_of(number, octets);
    cache->store(key_of(number), std::move(answer), cache->epoch());
    // No faster than it is written.
    if (number % 2'000 == 1'999) cache->invalidate({});
  }
  cache->invalidate({});
  say("filled", seconds_since(began), *cache);
  std::this_thread::sleep_for(std::chrono::seconds(5));
  say("5 s later", 5, *cache);
  fmt::print("dropped {} damaged {}\n", cache->stats().dropped, cache->stats().damaged);

  const auto read_some = [&](const char* what, std::uint64_t first) {
    std::atomic<std::uint64_t> done = 0, found = 0;
    constexpr std::uint64_t kReads = 20'000;
    std::mt19937_64 random(1);
    const auto start = Clock_::now();
    for (std::uint64_t i = 0; i < kReads; ++i) {
      while (i - done > 500) std::this_thread::yield();
      cache->read(key_of(first + random() % count), clock.wall_now(), [&](SharedAnswer answer) {
        found += answer ? 1 : 0;
        ++done;
      });
    }
    while (done < kReads) std::this_thread::yield();
    const double took = seconds_since(start);
    say(what, took, *cache);
    fmt::print("  {:.0f} reads a second, {} of {} found\n", static_cast<double>(kReads) / took, found.load(), kReads);
  };
  read_some("20,000 reads that hit", 0);
  read_some("20,000 reads that miss", count);

  const auto asked = [&](const char* what, std::uint64_t first) {
    std::vector<AnswerKey> keys;
    for (std::uint64_t i = 0; i < 100'000; ++i) keys.push_back(key_of(first + (i * 7'919) % count));
    const auto start = Clock_::now();
    std::uint64_t maybe = 0;
    for (const AnswerKey& key : keys) maybe += cache->may_be_on_disk(key) ? 1 : 0;
    fmt::print("may_be_on_disk, {}: {:.0f} ns, {} of {} perhaps\n", what,
               seconds_since(start) * 1e9 / static_cast<double>(keys.size()), maybe, keys.size());
  };
  asked("there", 0);
  asked("not there", count);

  const Answer hit = [] { Answer answer; answer.name = "openai/chat.completions/model-1"; answer.priced = true;
                          answer.saved = Money::dollars(1); return answer; }();
  auto answer = std::make_shared<Answer>(hit);
  answer->kept = clock.wall_now() + std::chrono::hours(1);
  cache->store(key_of(0), answer, cache->epoch());
  const WallTime now = clock.wall_now();
  const AnswerKey key = key_of(0);
  began = Clock_::now();
  constexpr int kFinds = 1'000'000;
  std::uint64_t found = 0;
  for (int i = 0; i < kFinds; ++i) found += cache->find(key, now) ? 1 : 0;
  fmt::print("find: {:.0f} ns ({} found)\n", seconds_since(began) * 1e9 / kFinds, found);
  began = Clock_::now();
  for (int i = 0; i < kFinds; ++i) cache->count_hit(key, hit, CacheTier::memory);
  fmt::print("count_hit: {:.0f} ns\n", seconds_since(began) * 1e9 / kFinds);

  cache->close();
  cache.reset();
  began = Clock_::now();
  cache = open_answer_cache(options, log, clock);
  fmt::print("opened again in {:.2f} s\n", seconds_since(began));
  cache->invalidate({});
  say("opened and loaded", seconds_since(began), *cache);
  std::this_thread::sleep_for(std::chrono::seconds(3));
  say("3 s later", 3, *cache);

  began = Clock_::now();
  const auto some = cache->invalidate({{}, "*/model-3", {}, {}});
  say(fmt::format("invalidated {}", some).c_str(), seconds_since(began), *cache);
  began = Clock_::now();
  const auto rest = cache->invalidate({{}, "*", {}, {}});
  say(fmt::format("invalidated {}", rest).c_str(), seconds_since(began), *cache);
  cache->close();
  return 0;
}
