// BatchDesk: embedding calls that go to their provider as one.
//
// Whoever comes first waits a moment for others, sends for all and shares the answer out; the
// others sit in its batch until then. Calls of different workers meet here. Thread-safe; a seat
// belongs to the thread of the worker it was taken on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/error.hpp"
#include "config/settings.hpp"
#include "proxy/dialect/embedding_batch.hpp"
#include "proxy/wake_up.hpp"
#include "storage/record.hpp"

namespace farebox {

class BatchDesk;

// What became of a batch, for each of its calls.
struct BatchResult {
  std::string head;                // of the provider's answer, as it came
  std::vector<std::string> parts;  // content, one for each call; empty: the next says why
  std::string refusal;             // content of the provider's own error, for all alike
  Error error;                     // nobody answered
  bool paid = false;               // each goes by itself, although this was answered and is billed
  std::vector<AttemptRecord> attempts;
};

class Batch {
 public:
  enum class State : std::uint8_t {
    gathering,
    sent,
    answered,  // the result says what
    apart,     // each call goes by itself
  };

 private:
  friend class BatchDesk;
  friend class BatchSeat;
  struct Part {
    std::string input;
    std::uint64_t weight = 0;
    std::shared_ptr<WakeUp> waiter;
  };

  Digest key{};
  std::string provider;
  State state = State::gathering;
  bool full = false;
  std::string before, after;
  Digest group{};
  std::vector<Part> parts;
  std::uint64_t tokens = 0;
  BatchResult result;
};

// One call's place in a batch. Whoever leads and goes without an answer leaves the others apart.
class BatchSeat {
 public:
  BatchSeat() = default;
  BatchSeat(const BatchSeat&) = delete;
  BatchSeat& operator=(const BatchSeat&) = delete;
  ~BatchSeat() { leave(); }
  void leave();

  explicit operator bool() const { return batch_ != nullptr; }
  bool leads() const { return leads_; }
  std::size_t index() const { return index_; }
  Batch::State state() const;
  // Once it is answered, which nothing changes any more.
  const BatchResult& result() const { return batch_->result; }

  // Of the leader. No more calls fit in.
  bool full() const;
  // The batch is closed and may be sent; false: so many of the provider's are under way already,
  // and the event is set when one has ended.
  bool begin(std::uint32_t max_concurrent);
  std::size_t size() const;
  std::string body() const;                   // for the provider; once it has begun
  std::vector<std::uint64_t> weights() const; // of its calls
  void answer(BatchResult result);
  void send_apart();
  // The same, and the provider may bill what was sent for all.
  void send_apart_paid(std::vector<AttemptRecord> attempts);
  // From now on the provider's calls stay alone for a while.
  void keep_apart(SteadyTime now);

 private:
  friend class BatchDesk;
  BatchDesk* desk_ = nullptr;
  std::shared_ptr<Batch> batch_;
  std::shared_ptr<WakeUp> waiter_;
  std::size_t index_ = 0;
  bool leads_ = false;
  bool began_ = false;
};

class BatchDesk {
 public:
  // A seat among calls of one `key`: provider, tenant, target and all that the call says but its
  // input. `weight`: its tokens as far as anybody can tell; what the provider counts for all is
  // shared out by it.
  void join(BatchSeat& seat, const Digest& key, std::string_view provider,
            const EmbeddingCall& call, std::uint64_t weight,
            const EmbeddingBatchSettings& settings, const Executor& executor, Event& wake);

  // Did this provider answer several calls lately in a way that can't be shared out?
  bool stays_alone(std::string_view provider, SteadyTime now) const;

  std::size_t gathering() const;

 private:
  static constexpr std::chrono::minutes kAlone{10};

  friend class BatchSeat;
  struct Provider {
    std::uint32_t running = 0;
    std::vector<std::shared_ptr<WakeUp>> waiting;  // leaders
    SteadyTime alone_until{};
  };
  void close(Batch& batch);  // with the mutex
  void settle(BatchSeat& seat, Batch::State state, BatchResult result);

  mutable std::mutex mutex_;
  std::unordered_map<Digest, std::shared_ptr<Batch>, DigestHash> gathering_;
  std::map<std::string, Provider, std::less<>> providers_;
};

}  // namespace farebox
