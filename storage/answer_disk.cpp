#include "storage/answer_disk.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <new>

#include "storage/answer_files.hpp"

namespace farebox {
namespace {

// How often this thread gave its core up to wait (getrusage(2)).
long times_slept() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

}  // namespace

AnswerDisk::AnswerDisk(const AnswerCacheOptions& options, const AnswerFence& fence, Logger& log,
                       const Clock& clock, std::shared_ptr<rocksdb::FileSystem> files)
    : fence_(fence),
      log_(log),
      clock_(clock),
      files_(std::move(files)),
      directory_(options.directory),
      most_(options.directory.empty() ? 0 : options.disk),
      compress_over_(options.compress_over) {
  if (directory_.empty()) return;
  {
    const std::lock_guard writing(writing_);
    // Nobody would invalidate what stays there.
    most_ == 0 ? discard() : open();
  }
  writer_ = std::thread([this] { run_writer(); });
  for (std::size_t i = 0; i < kReaders; ++i) readers_.emplace_back([this] { run_reader(); });
}

bool AnswerDisk::may_have(const AnswerKey& key) const {
  if (!works()) return false;
  const auto database = this->database();
  return database && database->may_have(key);
}

void AnswerDisk::read(const AnswerKey& key, WallTime now, Done done) {
  if (works()) {
    const std::lock_guard lock(mutex_);
    if (!closing_ && reads_.size() < kMostReads) {
      reads_.push_back({key, now, fence_.epoch(), std::move(done)});
      done = nullptr;
      reads_come_.notify_one();
    }
  }
  if (done) done(nullptr);
}

void AnswerDisk::store(const AnswerKey& key, SharedAnswer answer, std::uint64_t epoch) {
  if (!works() || answer->body.size() > kMostAnswerBody) return;
  const std::uint64_t octets = answer->size();
  queue({Why::fresh, key, std::move(answer), epoch, octets});
}

void AnswerDisk::queue(Write write) {
  const std::lock_guard lock(mutex_);
  if (closing_ || (queued_octets_ != 0 && queued_octets_ + write.octets > kMostQueued)) {
    if (write.why == Why::fresh) dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  queued_octets_ += write.octets;
  ++queued_;
  writes_.push_back(std::move(write));
  writes_come_.notify_one();
}

// Until what is queued now is written.
void AnswerDisk::drain() {
  std::unique_lock lock(mutex_);
  written_more_.wait(lock, [this, until = queued_] { return written_ >= until; });
}

void AnswerDisk::run_writer() {
  SteadyTime next_tick;
  for (;;) {
    if (const SteadyTime now = std::chrono::steady_clock::now(); next_tick <= now) {
      try {
        tick();
      } catch (const std::bad_alloc&) {
        // The next one does it.
      }
      next_tick = now + kTick;
    }
    std::unique_lock lock(mutex_);
    writes_come_.wait_until(lock, next_tick, [this] { return closing_ || !writes_.empty(); });
    if (writes_.empty()) {
      if (closing_) return;
      continue;
    }
    const Write next = std::move(writes_.front());
    writes_.pop_front();
    lock.unlock();
    try {
      write(next);
    } catch (const std::bad_alloc&) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
    }
    lock.lock();
    queued_octets_ -= next.octets;
    ++written_;
    written_more_.notify_all();
  }
}

void AnswerDisk::write(const Write& write) {
  // Compressed before anybody has to wait for it.
  std::string encoded;
  if (write.answer) encoded = encode_answer(write.key, *write.answer, compress_over_);
  const std::lock_guard writing(writing_);
  const auto database = this->database();
  if (!database) return;
  Result<void> written;
  if (write.why == Why::damaged) {
    written = database->erase(write.key);
  } else {
    const WallTime now = clock_.wall_now();
    std::uint64_t epoch = write.epoch;
    if (!fence_.passes(write.key, *write.answer, epoch)) return;
    if (write.why == Why::goes_soon) {
      // Unless another has come since.
      const auto still = database->get(write.key, now);
      if (!still || !still->goes_soon || still->answer->stored != write.answer->stored) return;
    }
    // One that isn't kept any more still takes the place of what it replaced.
    written = now < write.answer->kept ? database->put(write.key, *write.answer, encoded)
                                       : database->erase(write.key);
  }
  if (!written) fail(database, written.error());
}

void AnswerDisk::run_reader() {
  for (;;) {
    std::unique_lock lock(mutex_);
    reads_come_.wait(lock, [this] { return closing_ || !reads_.empty(); });
    if (reads_.empty()) return;
    const Read next = std::move(reads_.front());
    reads_.pop_front();
    const bool closing = closing_;
    lock.unlock();
    SharedAnswer found;
    try {
      if (!closing) found = look_up(next);
    } catch (const std::bad_alloc&) {
      // As if it weren't there.
    }
    next.done(std::move(found));
  }
}

SharedAnswer AnswerDisk::look_up(const Read& read) {
  const auto database = this->database();
  if (!database) return nullptr;
  const long slept = times_slept();
  const SteadyTime began = std::chrono::steady_clock::now();
  auto found = database->get(read.key, read.now);
  const SteadyTime ended = std::chrono::steady_clock::now();
  // A thread that others keep from its core hasn't waited for a disk.
  const bool waited = ended - began >= ReadPace::kSlow && times_slept() != slept;
  pace_.add(waited ? ended - began : std::chrono::nanoseconds(0), ended);
  if (!found) {
    fail(database, found.error());
    return nullptr;
  }
  if (found->damaged) {
    damaged_.fetch_add(1, std::memory_order_relaxed);
    queue({Why::damaged, read.key, nullptr, 0, 0});
  }
  if (found->answer && found->goes_soon) {
    queue({Why::goes_soon, read.key, found->answer, read.epoch, found->answer->size()});
  }
  return std::move(found->answer);
}

// What is due from time to time.
void AnswerDisk::tick() {
  {
    const std::lock_guard lock(database_mutex_);
    if (!database_ && (most_ == 0 || clock_.steady_now() < retry_at_)) return;
  }
  const std::lock_guard writing(writing_);
  if (!database()) {
    if (!release_failed(std::chrono::milliseconds(0))) return;
    open();
  }
  load();
  const auto database = this->database();
  if (!database) return;
  if (const auto tidied = database->tidy(clock_.wall_now()); !tidied) return fail(database, tidied.error());
  octets_.store(database->octets(), std::memory_order_relaxed);
}

AnswerDisk::Removal::Removal(AnswerDisk& disk) : disk_(disk), now_(disk.clock_.wall_now()) {
  disk.drain();
  writing_ = std::unique_lock(disk.writing_);
  disk.load();
  database_ = disk.database();
}

void AnswerDisk::Removal::take(const AnswerMatch& what, FallenAnswers& fallen) {
  if (database_ && went_) went_ = database_->take(what, now_, fallen);
}

void AnswerDisk::Removal::take_dependents(std::span<const AnswerKey> of, FallenAnswers& fallen) {
  if (database_ && went_) went_ = database_->take_dependents(of, now_, fallen);
}

std::uint64_t AnswerDisk::Removal::take_everything(const FallenAnswers& fallen) {
  if (!database_ || !went_) return 0;
  const auto taken = database_->take_everything(now_, fallen);
  if (!taken) went_ = taken.error();
  return taken ? *taken : 0;
}

void AnswerDisk::Removal::end() {
  if (disk_.most_ == 0) return;
  if (database_ && went_) went_ = database_->sync();
  const bool done = database_ && went_;
  if (database_ && !done) disk_.fail(database_, went_.error());
  database_.reset();
  // What can't be taken out of a database goes with it.
  if (!done) disk_.discard();
}

void AnswerDisk::adopt(const AnswerCacheOptions& options) {
  compress_over_ = options.compress_over;
  if (directory_.empty()) return;
  const std::lock_guard writing(writing_);
  most_ = options.disk;
  if (options.disk == 0) {
    works_ = false;
    {
      const std::lock_guard lock(database_mutex_);
      if (database_) failed_ = std::move(database_);
    }
    return discard();
  }
  const auto database = this->database();
  if (!database) return open();
  if (const auto set = database->set_most(options.disk); !set) fail(database, set.error());
}

void AnswerDisk::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  writes_come_.notify_all();
  reads_come_.notify_all();
  if (writer_.joinable()) writer_.join();
  for (std::thread& reader : readers_) {
    if (reader.joinable()) reader.join();
  }
  works_ = false;
  const std::lock_guard lock(database_mutex_);
  database_.reset();
  failed_.reset();
}

AnswerDisk::Stats AnswerDisk::stats() const {
  Stats stats;
  if (const auto database = this->database()) {
    stats.entries = database->entries();
    stats.evicted = database->evicted();
    stats.octets = octets_.load(std::memory_order_relaxed);
  }
  stats.evicted += evicted_before_.load(std::memory_order_relaxed);
  stats.dropped = dropped_.load(std::memory_order_relaxed);
  stats.damaged = damaged_.load(std::memory_order_relaxed);
  stats.set_aside = set_aside_.load(std::memory_order_relaxed);
  return stats;
}

std::shared_ptr<AnswerDatabase> AnswerDisk::database() const {
  const std::lock_guard lock(database_mutex_);
  return database_;
}

}  // namespace farebox
