// AnswerCache: answers kept in two tiers, memory over a RocksDB database of their own.
//
// A cache, not a store of record: whatever is damaged, late or too much is a miss. Thread-safe;
// what may wait for a disk says so and isn't for a worker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/log.hpp"
#include "storage/answer.hpp"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace farebox {

struct AnswerCacheOptions {
  std::string directory;  // of the database; empty: memory only
  std::uint64_t memory = 64ull << 20;  // octets
  std::uint64_t disk = 1ull << 30;     // octets; 0: memory only
  std::uint64_t compress_over = 1024;  // octets of a body
};

enum class CacheTier : std::uint8_t { memory, disk };

struct CacheTierStats {
  std::uint64_t entries = 0, octets = 0, most_octets = 0;
  std::uint64_t hits = 0, misses = 0;
  std::uint64_t evicted = 0;  // for want of room
};

// One of those that were given most often, or saved most.
struct TopAnswer {
  AnswerKey key{};
  std::string name;
  std::uint64_t hits = 0;
  Money saved;
};

struct AnswerCacheStats {
  CacheTierStats memory, disk;
  std::uint64_t stored = 0, invalidated = 0;
  std::uint64_t dropped = 0;   // not written, since the disk was too slow
  std::uint64_t damaged = 0;   // entries that couldn't be read
  std::uint64_t set_aside = 0; // whole databases
  bool disk_works = false;
  std::vector<TopAnswer> top_by_hits, top_by_saved;
};

// What is to be forgotten: all that any of these names.
struct Invalidation {
  std::vector<AnswerKey> keys;
  std::string pattern;                  // a glob with * over Answer::name; empty: none
  std::vector<std::string> tags;
  std::vector<std::string> depends_on;  // what they depend on
};

class AnswerCache {
 public:
  virtual ~AnswerCache() = default;

  // The answer, as long as it is kept (Answer::kept); null: it isn't in memory. For workers.
  // A hit counts when `count_hit` is called, since the caller may not be able to use it.
  virtual SharedAnswer find(const AnswerKey& key, WallTime now) = 0;

  // May the disk have it? False: certainly not. No I/O, for workers.
  virtual bool may_be_on_disk(const AnswerKey& key) = 0;

  // Reads it from the disk on a thread of the cache's and calls `done` there, exactly once: with
  // null where there is none. Where too many wait, or nothing can be read, `done` gets null at once,
  // from the caller's own thread. What is found is in memory from then on.
  using Done = std::function<void(SharedAnswer)>;
  virtual void read(const AnswerKey& key, WallTime now, Done done) = 0;

  // The same on the caller's own thread, as long as the disk's reads are as quick as memory's;
  // nothing: they aren't lately. For workers: one read in a while may take longer.
  virtual std::optional<SharedAnswer> read_at_once(const AnswerKey& key, WallTime now) = 0;

  // It was given to somebody, from that tier.
  virtual void count_hit(const AnswerKey& key, const Answer& answer, CacheTier tier) = 0;
  virtual void count_miss() = 0;

  // The present moment, among invalidations: taken before a call is sent, given to `store`.
  virtual std::uint64_t epoch() const = 0;

  // Keeps it, unless an invalidation since `epoch` names it. At once in memory; the disk follows.
  virtual void store(const AnswerKey& key, SharedAnswer answer, std::uint64_t epoch) = 0;

  // Forgets what is named, in both tiers, and what depends on it; returns how many answers. None
  // of them is found after it has returned. Waits for the disk.
  virtual std::uint64_t invalidate(const Invalidation& what) = 0;

  // Takes the limits over; the directory stays. Waits for the disk.
  virtual void adopt(const AnswerCacheOptions& options) = 0;

  virtual AnswerCacheStats stats() const = 0;

  // Writes what is queued and closes. Nothing else may follow.
  virtual void close() = 0;
};

// Opens it. A database that can't be opened is set aside under another name and made anew; where
// that fails too there is memory only, which is logged. Waits for the disk.
std::unique_ptr<AnswerCache> open_answer_cache(const AnswerCacheOptions& options, Logger& log,
                                               const Clock& clock);
// The same over another file system: tests give a worse one.
std::unique_ptr<AnswerCache> open_answer_cache(const AnswerCacheOptions& options, Logger& log,
                                               const Clock& clock,
                                               std::shared_ptr<rocksdb::FileSystem> files);

}  // namespace farebox
