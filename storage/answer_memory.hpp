// AnswerMemory: the upper tier of the cache, answers ready to be sent.
//
// Shards by key, each a mutex that is held for a moment; one limit over all of them, so that a
// large answer needs no large shard. What goes is decided by policy/s3_fifo.hpp. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "policy/s3_fifo.hpp"
#include "storage/answer_match.hpp"

namespace farebox {

class AnswerMemory {
 public:
  // `most` octets.
  explicit AnswerMemory(std::uint64_t most) : most_(most) {}

  // Null: it isn't there, or isn't kept at `now` any more. Allocates nothing.
  SharedAnswer find(const AnswerKey& key, WallTime now);

  // False: `allowed`, asked while nobody can take anything out, said no. An answer of more than a
  // quarter of all memory isn't taken; whatever had its key goes nevertheless.
  enum class Put : std::uint8_t { replace, if_absent };
  bool store(const AnswerKey& key, const SharedAnswer& answer, Put put,
             const std::function<bool()>& allowed);

  // Calls `visit` for all, a shard at a time and without a lock. What is stored meanwhile may be
  // missed.
  void each(const std::function<void(const AnswerKey&, const SharedAnswer&)>& visit) const;

  // Takes it out if it is the very same. True: it was there.
  bool erase(const AnswerKey& key, const SharedAnswer& same);

  void set_most(std::uint64_t most);

  std::uint64_t most() const { return most_.load(std::memory_order_relaxed); }
  std::uint64_t entries() const;
  std::uint64_t octets() const;  // never more than `most`
  std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  // How many of them depend on something. One that `allowed` let pass is counted before.
  std::uint64_t dependents() const { return dependents_.load(); }

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::uint64_t kOverhead = 160;  // octets of an entry beside its answer

  struct alignas(64) Shard {
    mutable std::mutex mutex;
    S3Fifo<AnswerKey, SharedAnswer, DigestHash> fifo;
    std::atomic<std::uint64_t> octets = 0;  // of `fifo`, for who hasn't the mutex
  };

  // Not by the octets that a shard's own table uses.
  Shard& shard_of(const AnswerKey& key) { return shards_[key.back() % kShards]; }
  static std::uint64_t size_of(const Answer& answer) { return answer.size() + kOverhead; }
  bool reserve(std::uint64_t octets);
  bool make_room();
  bool evict_from(Shard& shard);
  void gone(const SharedAnswer& answer);

  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> most_;
  std::atomic<std::uint64_t> reserved_ = 0;  // at least what the shards hold
  std::atomic<std::uint64_t> evicted_ = 0;
  std::atomic<std::uint64_t> dependents_ = 0;
  std::atomic<std::size_t> turn_ = 0;
};

}  // namespace farebox
