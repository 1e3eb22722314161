// TokenDesk: counts tokens beside the workers, on one thread of its own.
//
// For what no provider reported: answers that were cut, and servers that never say. A long
// prompt takes milliseconds to count, which no other request may wait for. Where nothing is
// waiting, it counts some of what was reported too, to learn how the models count whose
// vocabulary isn't public. The vocabularies are touched when the first order comes, not
// before. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "policy/usage.hpp"
#include "proxy/dialect/dialect.hpp"
#include "proxy/lesson_gate.hpp"
#include "proxy/ratio_keeper.hpp"

namespace farebox {

struct TokenOrder {
  Endpoint endpoint = Endpoint::unknown;
  std::string provider;  // as configured
  std::string model;     // whose tokens
  std::string body;      // of the request
  std::string output;    // text of the answer as JSON strings have it, as far as it came
};

// A side that couldn't be counted is nothing. By which rule it was, is said beside it.
struct TokenCounts {
  std::optional<Tokens> input, output;
  Estimate input_rule = Estimate::input_octets;
  Estimate output_rule = Estimate::output_octets;
};

// What a provider reported for an order; 0: nothing of that side can be learnt from.
struct TokenLesson {
  TokenOrder order;
  Tokens input = 0;
  Tokens output = 0;
};

// Counts at once, on the caller's thread. `ratios` must outlive it.
class TokenClerk {
 public:
  explicit TokenClerk(RatioKeeper& ratios);
  ~TokenClerk();
  TokenCounts count(const TokenOrder& order);
  // Tells the ratios what was counted for what was reported, if it is a text alone.
  void learn(const TokenLesson& lesson);

 private:
  struct Impl;
  RatioKeeper& ratios_;
  std::unique_ptr<Impl> impl_;
};

class TokenDesk {
 public:
  // Called on the desk's thread; must not block. Not called for what `close` left undone.
  using Done = std::function<void(const TokenCounts&)>;

  TokenDesk() = default;
  ~TokenDesk() { close(); }

  // False: too much is waiting, or the desk is closed, and `done` won't be called.
  bool submit(TokenOrder order, Done done);

  // Is it time to learn of this model? True takes its turn: some each second are.
  bool wants_lesson(std::string_view provider, std::string_view model, SteadyTime now) {
    return gate_.pass(provider, model, now);
  }
  // Learns from it when no order is waiting, or drops it.
  void submit(TokenLesson lesson);

  RatioKeeper& ratios() { return ratios_; }

  // Ends with the order at hand. Nobody is told anything after that.
  void close();

 private:
  struct Waiting {
    TokenOrder order;
    Done done;
  };
  void run();
  void begin_thread();  // under the lock

  static constexpr std::size_t kMostOctets = 256u << 20;
  static constexpr std::size_t kMostOrders = 4'096;
  static constexpr std::size_t kMostLessons = 16;

  RatioKeeper ratios_;
  LessonGate gate_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Waiting> queue_;
  std::deque<TokenLesson> lessons_;
  std::size_t octets_ = 0;  // in the queue
  bool closing_ = false;
  std::thread thread_;  // begins with the first order
};

}  // namespace farebox
