// What tests of the ledger share: random records, a directory, a client that waits.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>

#include "storage/ledger.hpp"
#include "storage/record_codec.hpp"

namespace farebox {

inline std::string random_text(std::mt19937_64& random) {
  std::string text(random() % 3 == 0 ? 0 : random() % 40, '\0');
  for (char& octet : text) octet = static_cast<char>(' ' + random() % 95);
  return text;
}

inline Record random_record(std::mt19937_64& random) {
  const auto any = [&] { return random() >> random() % 64; };
  const auto amount = [&] { return Money::picodollars(static_cast<Int128>(any() >> 4)); };
  Record record;
  record.time = WallTime(std::chrono::microseconds(1'795'000'000'000'000 + random() % 1'000'000'000));
  for (std::string* const text :
       {&record.request_id, &record.provider, &record.dialect, &record.endpoint, &record.model,
        &record.requested_model, &record.key_name, &record.org, &record.project, &record.user,
        &record.price_version, &record.cache, &record.finish_reason, &record.usage.service_tier,
        &record.usage.inference_geo, &record.usage.speed}) {
    *text = random_text(random);
  }
  for (std::uint64_t tags = random() % 3; tags != 0; --tags) {
    record.tags[random_text(random)] = random_text(random);
  }
  Usage& usage = record.usage;
  for (std::uint64_t* const count :
       {&usage.input, &usage.output, &usage.cached_input, &usage.cache_write,
        &usage.cache_write_1h, &usage.tool_use_input, &usage.audio_input, &usage.image_input,
        &usage.reasoning, &usage.audio_output, &usage.image_output, &usage.microseconds,
        &usage.images, &usage.characters, &usage.queries, &record.tool_calls}) {
    *count = any() >> 8;
  }
  usage.source = static_cast<UsageSource>(random() % 3);
  record.outcome = static_cast<Outcome>(random() % 9);
  record.status = static_cast<std::uint16_t>(random() % 600);
  record.stream = random() % 2 == 0;
  record.priced = random() % 4 != 0;
  record.estimated = random() % 2 == 0;
  record.over_hold = random() % 2 == 0;
  record.metered = random() % 4 != 0;
  record.cost = amount();
  record.held = amount();
  record.held_known = random() % 2 == 0;
  if (random() % 2 == 0) {
    usage.citation = any();
    usage.pages = any();
    usage.annotated_pages = any();
  }
  if (random() % 2 == 0) usage.variant = random_text(random);
  if (random() % 2 == 0) usage.search_context = random_text(random);
  if (random() % 2 == 0) usage.reported_cost = amount();
  if (random() % 2 == 0) {
    record.estimated_by = Estimates::of_bits(static_cast<std::uint32_t>(random()));
  }
  if (random() % 2 == 0) record.table_cost = amount();
  if (random() % 4 == 0) record.variant = "b";
  if (random() % 2 == 0) record.price_factor = static_cast<std::uint32_t>(any());
  if (random() % 2 == 0) {
    record.corrects = any() | 1;
    record.corrected_at = record.time + std::chrono::hours(1);
  }
  record.ttfb_ms = static_cast<std::uint32_t>(any());
  record.latency_ms = static_cast<std::uint32_t>(any());
  for (std::uint64_t extras = random() % 3; extras != 0; --extras) {
    record.extras.push_back({random_text(random), random_text(random), any(), any(), amount(),
                             random() % 2 == 0, any(), any(), any(), any()});
  }
  for (std::uint64_t tries = random() % 3; tries != 0; --tries) {
    record.attempts.push_back({random_text(random), random_text(random),
                               static_cast<std::uint16_t>(random() % 600),
                               static_cast<Outcome>(random() % 9), amount(), random() % 2 == 0,
                               static_cast<std::uint32_t>(any()), random() % 2 == 0});
  }
  return record;
}

// A directory of its own for one test, gone when it ends.
class TestDirectory {
 public:
  TestDirectory()
      : path_(std::filesystem::temp_directory_path() /
              ("farebox-test-" + std::to_string(::getpid()) + "-" + std::to_string(++made_))) {
    std::filesystem::create_directories(path_);
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_; }

 private:
  static inline int made_ = 0;
  std::filesystem::path path_;
};

// Hands over one write at a time and waits for what becomes of it.
class WaitingClient final : public CommitSink {
 public:
  explicit WaitingClient(Ledger& ledger) : ledger_(&ledger) {}

  void use(Ledger& ledger) { ledger_ = &ledger; }

  CommitResult hold(HoldId id, const Record& draft) { return write(Turn::What::hold, id, &draft); }
  CommitResult settle(HoldId id, const Record& record) {
    return write(Turn::What::settle, id, &record);
  }
  void release(HoldId id) {
    Turn turn;
    turn.sink = this;
    turn.writes.emplace_back();
    turn.writes.back().what = Turn::What::release;
    turn.writes.back().hold = id;
    ledger_->submit(std::move(turn));
  }

  void committed(std::span<const CommitResult> results) override {
    const std::lock_guard lock(mutex_);
    for (const CommitResult& result : results) told_[result.ticket] = result;
    told_one_.notify_all();
  }

 private:
  CommitResult write(Turn::What what, HoldId id, const Record* record) {
    Turn turn;
    turn.sink = this;
    Turn::Write& write = turn.writes.emplace_back();
    write.what = what;
    write.hold = id;
    write.ticket = ++last_ticket_;
    encode_record(turn.octets, *record, id);
    write.size = turn.octets.size();
    const std::uint32_t ticket = write.ticket;
    ledger_->submit(std::move(turn));
    std::unique_lock lock(mutex_);
    told_one_.wait(lock, [&] { return told_.contains(ticket); });
    return told_[ticket];
  }

  Ledger* ledger_;
  std::uint32_t last_ticket_ = 0;
  std::mutex mutex_;
  std::condition_variable told_one_;
  std::map<std::uint32_t, CommitResult> told_;
};

}  // namespace farebox
