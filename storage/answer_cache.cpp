#include "storage/answer_cache.hpp"

#include <unordered_map>

#include "storage/answer_disk.hpp"
#include "storage/answer_fence.hpp"
#include "storage/answer_hits.hpp"
#include "storage/answer_memory.hpp"

namespace farebox {
namespace {

class TwoTiers final : public AnswerCache {
 public:
  TwoTiers(const AnswerCacheOptions& options, Logger& log, const Clock& clock,
           std::shared_ptr<rocksdb::FileSystem> files)
      : clock_(clock),
        most_on_disk_(options.directory.empty() ? 0 : options.disk),
        has_directory_(!options.directory.empty()),
        memory_(options.memory),
        disk_(options, fence_, log, clock, std::move(files)) {}
  ~TwoTiers() override { disk_.close(); }

  SharedAnswer find(const AnswerKey& key, WallTime now) override { return memory_.find(key, now); }

  bool may_be_on_disk(const AnswerKey& key) override { return disk_.may_have(key); }

  void read(const AnswerKey& key, WallTime now, Done done) override {
    disk_.read(key, now, [this, key, epoch = fence_.epoch(), done = std::move(done)](SharedAnswer found) {
      std::uint64_t checked = epoch;
      // What is in memory is at least as new.
      if (found && !keep(key, found, AnswerMemory::Put::if_absent, checked)) found = nullptr;
      done(std::move(found));
    });
  }

  std::optional<SharedAnswer> read_at_once(const AnswerKey& key, WallTime now) override {
    if (!disk_.is_quick()) return std::nullopt;
    std::uint64_t epoch = fence_.epoch();
    SharedAnswer found = disk_.read_at_once(key, now, epoch);
    if (found && !keep(key, found, AnswerMemory::Put::if_absent, epoch)) found = nullptr;
    return found;
  }

  void count_hit(const AnswerKey& key, const Answer& answer, CacheTier tier) override {
    hits_.count_hit(key, answer, tier);
  }
  void count_miss() override { hits_.count_miss(); }

  std::uint64_t epoch() const override { return fence_.epoch(); }

  void store(const AnswerKey& key, SharedAnswer answer, std::uint64_t epoch) override {
    if (!keep(key, answer, AnswerMemory::Put::replace, epoch)) return;
    stored_.fetch_add(1, std::memory_order_relaxed);
    disk_.store(key, std::move(answer), epoch);
  }

  std::uint64_t invalidate(const Invalidation& what) override {
    const std::lock_guard one(invalidating_);
    const AnswerMatch match(what);
    const WallTime now = clock_.wall_now();
    AnswerDisk::Removal removal(disk_);
    FallenAnswers fallen;
    std::uint64_t others = 0;
    fence_.publish(match);
    memory_.each([&](const AnswerKey& key, const SharedAnswer& answer) {
      if (match.names(key, *answer)) take(key, answer, now, fallen);
    });
    if (match.everything()) {
      others = removal.take_everything(fallen);
    } else {
      removal.take(match, fallen);
      cascade(removal, now, fallen);
    }
    removal.end();
    // A read that began behind the first word may have had from the disk what was not gone yet.
    fence_.publish(match);
    memory_.each([&](const AnswerKey& key, const SharedAnswer& answer) {
      if (match.names(key, *answer)) memory_.erase(key, answer);
    });
    const std::uint64_t count = fallen.keys().size() + others;
    invalidated_.fetch_add(count, std::memory_order_relaxed);
    return count;
  }

  void adopt(const AnswerCacheOptions& options) override {
    const std::lock_guard one(invalidating_);
    memory_.set_most(options.memory);
    most_on_disk_ = has_directory_ ? options.disk : 0;
    disk_.adopt(options);
  }

  AnswerCacheStats stats() const override {
    AnswerCacheStats stats;
    hits_.report(stats);
    stats.memory.entries = memory_.entries();
    stats.memory.octets = memory_.octets();
    stats.memory.most_octets = memory_.most();
    stats.memory.evicted = memory_.evicted();
    const AnswerDisk::Stats disk = disk_.stats();
    stats.disk.entries = disk.entries;
    stats.disk.octets = disk.octets;
    stats.disk.most_octets = most_on_disk_;
    stats.disk.evicted = disk.evicted;
    stats.dropped = disk.dropped;
    stats.damaged = disk.damaged;
    stats.set_aside = disk.set_aside;
    stats.disk_works = disk_.works();
    stats.stored = stored_.load(std::memory_order_relaxed);
    stats.invalidated = invalidated_.load(std::memory_order_relaxed);
    return stats;
  }

  void close() override { disk_.close(); }

 private:
  // More are told to the fence as everything: whatever is on its way then is dropped.
  static constexpr std::size_t kMostTold = 10'000;

  // False: it was invalidated since `epoch`, which is the present one afterwards.
  bool keep(const AnswerKey& key, const SharedAnswer& answer, AnswerMemory::Put put, std::uint64_t& epoch) {
    do {
      if (!fence_.passes(key, *answer, epoch)) return false;
    } while (!memory_.store(key, answer, put, [&] { return fence_.epoch() == epoch; }));
    return true;
  }

  void take(const AnswerKey& key, const SharedAnswer& answer, WallTime now, FallenAnswers& fallen) {
    if (memory_.erase(key, answer) && now < answer->kept) fallen.add(key);
  }

  // What depends on what fell, and on that in turn.
  void cascade(AnswerDisk::Removal& removal, WallTime now, FallenAnswers& fallen) {
    for (std::size_t told = 0; told < fallen.keys().size();) {
      const Dependents dependents = find_dependents();
      for (std::size_t from = told; from < fallen.keys().size();) {
        const std::vector<AnswerKey> level(fallen.keys().begin() + static_cast<std::ptrdiff_t>(from),
                                           fallen.keys().end());
        from = fallen.keys().size();
        for (const AnswerKey& key : level) {
          const auto [first, last] = dependents.equal_range(key);
          for (auto at = first; at != last; ++at) take(at->second.key, at->second.answer, now, fallen);
        }
        removal.take_dependents(level, fallen);
      }
      Invalidation fell;
      const std::size_t untold = fallen.keys().size() - told;
      if (untold > kMostTold) {
        fell.pattern = "*";
      } else {
        for (; told < fallen.keys().size(); ++told) fell.depends_on.push_back(key_text(fallen.keys()[told]));
      }
      told = fallen.keys().size();
      fence_.publish(AnswerMatch(fell));
      // What came in before that, and depends on what fell, makes another round.
      for (const auto& [key, dependent] : find_dependents()) {
        if (fallen.has(key)) take(dependent.key, dependent.answer, now, fallen);
      }
    }
  }

  struct Dependent {
    AnswerKey key{};
    SharedAnswer answer;
  };
  // Those in memory, by the keys that they depend on.
  using Dependents = std::unordered_multimap<AnswerKey, Dependent, DigestHash>;
  Dependents find_dependents() const {
    Dependents found;
    if (memory_.dependents() == 0) return found;
    memory_.each([&](const AnswerKey& key, const SharedAnswer& answer) {
      for (const std::string& term : answer->depends_on) {
        if (const auto on = key_of_text(term)) found.emplace(*on, Dependent{key, answer});
      }
    });
    return found;
  }

  const Clock& clock_;
  std::atomic<std::uint64_t> most_on_disk_;
  const bool has_directory_;
  AnswerFence fence_;
  AnswerMemory memory_;
  AnswerHits hits_;
  std::atomic<std::uint64_t> stored_ = 0, invalidated_ = 0;
  std::mutex invalidating_;
  AnswerDisk disk_;  // the last: its threads use the others
};

}  // namespace

std::unique_ptr<AnswerCache> open_answer_cache(const AnswerCacheOptions& options, Logger& log,
                                               const Clock& clock) {
  return open_answer_cache(options, log, clock, nullptr);
}

std::unique_ptr<AnswerCache> open_answer_cache(const AnswerCacheOptions& options, Logger& log,
                                               const Clock& clock,
                                               std::shared_ptr<rocksdb::FileSystem> files) {
  return std::make_unique<TwoTiers>(options, log, clock, std::move(files));
}

}  // namespace farebox
