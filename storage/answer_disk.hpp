// AnswerDisk: the threads around the database of the answer cache, and what becomes of it when
// the disk fails.
//
// One thread writes, two read; their queues end, and what finds one full is dropped. A database
// that is damaged is set aside and made anew. After any other failure the tier is off, and opened
// again half a minute later. An invalidation that the database can't take deletes it. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <thread>

#include "config/base/log.hpp"
#include "policy/read_pace.hpp"
#include "storage/answer_database.hpp"
#include "storage/answer_fence.hpp"

namespace farebox {

class AnswerDisk {
 public:
  // All outlive it. Opens the database, or turns itself off. `files`: null is the system's.
  AnswerDisk(const AnswerCacheOptions& options, const AnswerFence& fence, Logger& log,
             const Clock& clock, std::shared_ptr<rocksdb::FileSystem> files);
  ~AnswerDisk() { close(); }

  bool works() const { return works_.load(std::memory_order_relaxed); }
  bool may_have(const AnswerKey& key) const;  // for workers

  // `done` is called by a thread that reads, or at once, with null, where none can.
  using Done = std::function<void(SharedAnswer)>;
  void read(const AnswerKey& key, WallTime now, Done done);

  // On the caller's own thread: whether that is as quick as memory, and the read.
  bool is_quick() const { return works() && pace_.is_quick(std::chrono::steady_clock::now()); }
  SharedAnswer read_at_once(const AnswerKey& key, WallTime now, std::uint64_t epoch) {
    return look_up({key, now, epoch, nullptr});
  }

  // Writes it later, if the fence lets it pass then.
  void store(const AnswerKey& key, SharedAnswer answer, std::uint64_t epoch);

  // An invalidation on the disk: everything stored before is written, and nothing is while it
  // lives. Where the disk fails, all answers on it are gone.
  class Removal {
   public:
    explicit Removal(AnswerDisk& disk);
    void take(const AnswerMatch& what, FallenAnswers& fallen);
    void take_dependents(std::span<const AnswerKey> of, FallenAnswers& fallen);
    // Returns how many weren't in `fallen`.
    std::uint64_t take_everything(const FallenAnswers& fallen);
    // Before anybody is told: from here on no crash undoes it.
    void end();

   private:
    AnswerDisk& disk_;
    std::unique_lock<std::mutex> writing_;
    std::shared_ptr<AnswerDatabase> database_;
    Result<void> went_;
    const WallTime now_;
  };

  // Its limits; one of 0 deletes what is there.
  void adopt(const AnswerCacheOptions& options);
  // Writes what is queued; whoever waits for a read gets null.
  void close();

  struct Stats {
    std::uint64_t entries = 0, octets = 0, evicted = 0;
    std::uint64_t dropped = 0, damaged = 0, set_aside = 0;
  };
  Stats stats() const;

 private:
  static constexpr std::size_t kReaders = 2;
  static constexpr std::size_t kMostReads = 1'024;
  static constexpr std::uint64_t kMostQueued = 16 << 20;  // octets of answers to be written
  static constexpr std::chrono::seconds kRetryAfter{30};
  static constexpr std::chrono::seconds kTick{1};
  // Failed openings before a database that RocksDB finds no damage in is set aside.
  static constexpr int kMostFailures = 3;

  enum class Why : std::uint8_t { fresh, goes_soon, damaged };
  struct Write {
    Why why = Why::fresh;
    AnswerKey key{};
    SharedAnswer answer;
    std::uint64_t epoch = 0;
    std::uint64_t octets = 0;
  };
  struct Read {
    AnswerKey key{};
    WallTime now;
    std::uint64_t epoch = 0;
    Done done;
  };

  void run_writer();
  void run_reader();
  void queue(Write write);
  void drain();
  void write(const Write& write);
  SharedAnswer look_up(const Read& read);
  void tick();

  std::shared_ptr<AnswerDatabase> database() const;
  // Turns the tier off, if it is still this one.
  void fail(const std::shared_ptr<AnswerDatabase>& which, const Error& error);
  void tell(const Error& error);
  bool release_failed(std::chrono::milliseconds wait);
  // These hold `writing_`.
  void open();
  void load();
  void set_aside(const Error& why);
  void discard();

  const AnswerFence& fence_;
  Logger& log_;
  const Clock& clock_;
  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string directory_;
  std::atomic<std::uint64_t> most_;
  std::atomic<std::uint64_t> compress_over_;

  std::mutex writing_;  // while the database changes; before the others
  int failures_ = 0;    // to open it, one after another
  bool loaded_ = false;

  mutable std::mutex database_mutex_;
  std::shared_ptr<AnswerDatabase> database_;  // null: off
  std::shared_ptr<AnswerDatabase> failed_;    // until nobody reads it any more
  SteadyTime retry_at_;
  Error why_;                                 // it failed; none: it isn't damaged
  bool told_ = false;                         // that it doesn't work

  std::mutex mutex_;  // of the queues
  std::condition_variable writes_come_, reads_come_, written_more_;
  std::deque<Write> writes_;
  std::deque<Read> reads_;
  std::uint64_t queued_octets_ = 0, queued_ = 0, written_ = 0;
  bool closing_ = false;

  ReadPace pace_;
  std::atomic<bool> works_ = false;
  std::atomic<std::uint64_t> octets_ = 0;
  std::atomic<std::uint64_t> evicted_before_ = 0;  // by databases that failed
  std::atomic<std::uint64_t> dropped_ = 0, damaged_ = 0, set_aside_ = 0;
  std::thread writer_;
  std::vector<std::thread> readers_;
};

}  // namespace farebox
