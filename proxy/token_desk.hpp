// TokenDesk: counts tokens beside the workers, on one thread of its own.
//
// For what no provider reported: answers that were cut, and servers that never say. A long
// prompt takes milliseconds to count, which no other request may wait for. The vocabularies
// are touched when the first order comes, not before. Thread-safe.
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

namespace farebox {

struct TokenOrder {
  Endpoint endpoint = Endpoint::unknown;
  std::string model;   // whose tokens
  std::string body;    // of the request
  std::string output;  // text of the answer, as far as it came and as JSON strings have it
};

// A side that couldn't be counted is nothing. By which rule it was, is said beside it.
struct TokenCounts {
  std::optional<Tokens> input, output;
  Estimate input_rule = Estimate::input_octets;
  Estimate output_rule = Estimate::output_octets;
};

// Counts at once, on the caller's thread.
class TokenClerk {
 public:
  TokenClerk();
  ~TokenClerk();
  TokenCounts count(const TokenOrder& order);

 private:
  struct Impl;
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

  // Ends with the order at hand. Nobody is told anything after that.
  void close();

 private:
  struct Waiting {
    TokenOrder order;
    Done done;
  };
  void run();

  static constexpr std::size_t kMostOctets = 256u << 20;
  static constexpr std::size_t kMostOrders = 4'096;

  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Waiting> queue_;
  std::size_t octets_ = 0;  // in the queue
  bool closing_ = false;
  std::thread thread_;  // begins with the first order
};

}  // namespace farebox
