// What tests of the answer cache share: answers, a clock that is set, a cache in a directory.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>
#include <string>

#include "storage/answer_cache.hpp"
#include "storage/answer_match.hpp"
#include "tests/unit/storage/ledger_support.hpp"

namespace farebox {

class SetClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::seconds(seconds_)); }
  WallTime wall_now() const override {
    return WallTime(std::chrono::seconds(1'795'000'000 + seconds_));
  }
  void advance(std::chrono::seconds by) { seconds_ += by.count(); }

 private:
  std::atomic<std::int64_t> seconds_ = 0;
};

inline AnswerKey answer_key(std::uint64_t number) { return sha256("answer " + std::to_string(number)); }

inline Answer plain_answer(const Clock& clock, std::string name = "openai/chat/gpt",
                           std::string body = "{\"answer\":42}") {
  Answer answer;
  answer.name = std::move(name);
  answer.model = "gpt";
  answer.stored = clock.wall_now();
  answer.expires = answer.stored + std::chrono::hours(1);
  answer.kept = answer.stored + std::chrono::hours(2);
  answer.saved = Money::picodollars(1'000'000);
  answer.priced = true;
  answer.latency_ms = 700;
  answer.finish_reason = "stop";
  answer.fields = "content-type: application/json\r\n";
  answer.content_octets = body.size();
  answer.body = std::move(body);
  return answer;
}

inline SharedAnswer shared(Answer answer) { return std::make_shared<const Answer>(std::move(answer)); }

inline bool same_answer(const Answer& a, const Answer& b) {
  return a.name == b.name && a.model == b.model && a.tags == b.tags && a.depends_on == b.depends_on &&
         a.stored == b.stored && a.expires == b.expires && a.kept == b.kept && a.saved == b.saved &&
         a.priced == b.priced && a.latency_ms == b.latency_ms && a.finish_reason == b.finish_reason &&
         a.stream == b.stream && a.chunked == b.chunked && a.fields == b.fields && a.body == b.body &&
         a.content_octets == b.content_octets;
}

// Text that compresses about as JSON does.
inline std::string wordy_body(std::mt19937_64& random, std::size_t octets) {
  static constexpr const char* kWords[] = {"\"content\":", "\"the ", "answer ", "of ", "model ",
                                           "tokens\",", "{\"role\":", "usage ", "budget ", "7"};
  std::string body;
  while (body.size() < octets) {
    body += kWords[random() % 10];
    if (random() % 4 == 0) body += std::to_string(random() % 100'000);
  }
  body.resize(octets);
  return body;
}

inline SharedAnswer read_now(AnswerCache& cache, const AnswerKey& key, const Clock& clock) {
  std::promise<SharedAnswer> found;
  cache.read(key, clock.wall_now(), [&](SharedAnswer answer) { found.set_value(std::move(answer)); });
  return found.get_future().get();
}

// From either tier.
inline SharedAnswer get(AnswerCache& cache, const AnswerKey& key, const Clock& clock) {
  if (auto found = cache.find(key, clock.wall_now())) return found;
  return cache.may_be_on_disk(key) ? read_now(cache, key, clock) : nullptr;
}

// A cache, its log and its clock. Opened again, it has what its database has.
class CacheBench {
 public:
  explicit CacheBench(std::uint64_t memory = 8 << 20, std::uint64_t disk = 64 << 20) {
    options.directory = directory.path() + "/cache";
    options.memory = memory;
    options.disk = disk;
    open();
  }

  void open(std::shared_ptr<rocksdb::FileSystem> files = nullptr) {
    cache = open_answer_cache(options, log, clock, std::move(files));
  }
  void close() {
    if (cache) cache->close();
    cache.reset();
  }
  void reopen() {
    close();
    open();
  }
  void store(std::uint64_t number, Answer answer) {
    cache->store(answer_key(number), shared(std::move(answer)), cache->epoch());
  }
  SharedAnswer get(std::uint64_t number) { return farebox::get(*cache, answer_key(number), clock); }
  // An invalidation of nothing waits until what was stored is written.
  void settle() { cache->invalidate({}); }

  TestDirectory directory;
  SetClock clock;
  Logger log{::open("/dev/null", O_WRONLY | O_CLOEXEC), Level::error, Logger::Format::json, clock};
  AnswerCacheOptions options;
  std::unique_ptr<AnswerCache> cache;
};

}  // namespace farebox
