// Flight: one call that runs for several who asked for the same at once (single flight).
//
// Whoever came first leads: its exchange asks the provider and writes into the flight what the
// answer says. Those who come later sit in it and read, each at its own pace: a slow reader
// holds nobody up, and one that falls too far behind loses its seat. Thread-safe; a seat and its
// wake-ups belong to the thread of the worker it was taken on.
#pragma once

#include <boost/asio/buffer.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/base/error.hpp"
#include "proxy/wake_up.hpp"
#include "storage/answer.hpp"

namespace farebox {

class Flights;

class Flight {
 public:
  enum class State : std::uint8_t {
    waiting,  // nothing came yet that could be given to others
    running,  // a stream that began: its octets can be read
    whole,    // the answer is complete
    refused,  // the provider's own error: `status` and the answer say what
    failed,   // nobody answered, and would have to others: `error` says why
    broken,   // the answer broke off: each for itself
    void_,    // its caller's own matters ended it before the provider was asked: another may lead
  };

  // `most`: octets of an answer that are kept for readers. `epoch`: of the cache, when it began:
  // whoever asks after an invalidation doesn't join.
  Flight(std::size_t most, std::uint64_t epoch) : most_(most), epoch_(epoch) {}

  // Of the leader. A stream that is about to begin: those of its head that are its own, each
  // with its CRLF.
  void begin(std::string fields);
  // More of what its client gets; beyond `most` nobody can join any more.
  void append(std::span<const boost::asio::const_buffer> pieces);
  // What was appended so far, if that is all of it.
  const std::string* octets() const { return overflown_ ? nullptr : &octets_; }
  // How it ended; once, later calls do nothing. From then on nobody joins.
  // The answer of a stream may be without its body: what was appended is all of it.
  void end_whole(SharedAnswer answer);
  void end_refused(SharedAnswer answer, std::uint16_t status);
  void end_failed(Error error);
  void end_broken();
  void end_void();

  // A stream that has begun and not ended.
  bool is_running() const;

  // Does anybody else read it?
  bool is_followed() const { return followers_.load(std::memory_order_acquire) != 0; }
  // The leader is woken when that changes, until it says otherwise.
  void watch(const Executor& executor, Event& leader);
  void unwatch();

 private:
  friend class Seat;
  friend class Flights;
  struct Reader {
    std::shared_ptr<WakeUp> wake;
    std::uint64_t position = 0;  // in the octets; under the flight's mutex, as `lost`
    bool lost = false;
  };

  void tell_all();    // with the mutex
  void make_room();   // with the mutex
  void end(State state);  // with the mutex

  const std::size_t most_;
  const std::uint64_t epoch_;
  mutable std::mutex mutex_;
  State state_ = State::waiting;
  bool overflown_ = false;      // its beginning is gone; of the leader
  std::uint64_t first_ = 0;     // what of the answer octets_ begins with
  std::string octets_;
  std::string fields_;
  SharedAnswer answer_;
  std::uint16_t status_ = 200;
  Error error_;
  std::vector<std::shared_ptr<Reader>> readers_;
  std::shared_ptr<WakeUp> leader_;
  std::atomic<std::uint32_t> followers_{0};
};

// One of those who read; left when it is destroyed.
class Seat {
 public:
  Seat() = default;
  Seat(Seat&& other) noexcept = default;
  Seat& operator=(Seat&& other) noexcept {
    leave();
    flight_ = std::move(other.flight_);
    reader_ = std::move(other.reader_);
    return *this;
  }
  ~Seat() { leave(); }
  void leave();
  explicit operator bool() const { return flight_ != nullptr; }

  struct Look {
    Flight::State state = Flight::State::waiting;
    bool lost = false;   // too far behind: what follows is gone
    SharedAnswer answer; // of one that is whole or refused
    std::uint16_t status = 200;
  };
  Look look() const;
  std::string fields() const;  // of a stream that runs
  Error error() const;         // of one that failed
  std::uint64_t position() const;
  // Appends what follows of a stream that began, at most `most` octets; false: there is nothing
  // now. Of one that is whole `rest` has what is left.
  bool read(std::string& into, std::size_t most);
  void rest(std::string& into);

 private:
  friend class Flights;
  std::shared_ptr<Flight> flight_;
  std::shared_ptr<Flight::Reader> reader_;
};

// All that run, by what they ask for.
class Flights {
 public:
  struct Boarding {
    std::shared_ptr<Flight> led;  // whoever comes next may join; null: somebody else leads
    Seat seat;
  };
  // A seat in the one that runs, else a new one of which the caller leads.
  Boarding board(const AnswerKey& key, std::size_t most, std::uint64_t epoch,
                 const Executor& executor, Event& wake);
  // Nobody joins it any more.
  void close(const AnswerKey& key, const Flight& flight);

  std::size_t running() const;

 private:
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<AnswerKey, std::shared_ptr<Flight>, DigestHash> flights;
  };
  Shard& shard(const AnswerKey& key) { return shards_[key[31] % kShards]; }

  static constexpr std::size_t kShards = 16;
  std::array<Shard, kShards> shards_;
};

}  // namespace farebox
