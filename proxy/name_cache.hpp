// NameCache: the addresses of one host, as last asked for, and which of them failed lately.
//
// One for each provider, shared by all workers. Thread-safe: a short lock, touched when a
// connection is opened, never per request. One question is under way at a time, on a thread of
// its own, so a name server that hangs holds up nobody else. An answer is used for `refresh`;
// an old one stays in use while the next is fetched, and when that can't be had.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/base/clock.hpp"

namespace farebox {

using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;

struct NameAnswer {
  boost::system::error_code error;  // or
  Addresses addresses;              // in the order to be tried
};

// May block. Called on a thread of its own; must outlive the cache.
using NameQuestion = std::function<NameAnswer(const std::string& host, const std::string& port)>;
NameAnswer ask_system(const std::string& host, const std::string& port);  // getaddrinfo(3)

class NameCache : public std::enable_shared_from_this<NameCache> {
 public:
  using Duration = std::chrono::milliseconds;
  // An address that failed is tried after the others for so long.
  static constexpr Duration kShunned{60'000};
  // Never asked more often than that, whatever fails.
  static constexpr Duration kLeastPause{1'000};

  // `host` is a name, or an address, about which nothing is ever asked.
  static std::shared_ptr<NameCache> make(std::string host, const std::string& port,
                                         Duration refresh, NameQuestion ask = ask_system);

  struct Known {
    Addresses addresses;       // in the order of the answer
    Addresses failed_lately;   // of these
    std::uint64_t answer = 0;  // which one it is; 0: there was none so far
    bool asking = false;       // a question is under way
    boost::system::error_code error;  // of the last question; the addresses are an older answer's
  };
  enum class Wish : std::uint8_t {
    usable,  // asks where the answer is older than `refresh`
    newer,   // asks unless it was asked a moment ago: what is known leads nowhere
  };
  Known look(SteadyTime now, Wish wish);

  // `tell` is called when a question ends, on another thread and under a lock: it may only post.
  void watch(const void* who, std::function<void()> tell);
  void forget(const void* who);

  void note_failed(const boost::asio::ip::tcp::endpoint& address, SteadyTime now);
  void note_worked(const boost::asio::ip::tcp::endpoint& address);

 private:
  NameCache(std::string host, std::string port, Duration refresh, NameQuestion ask)
      : host_(std::move(host)), port_(std::move(port)), refresh_(refresh), ask_(std::move(ask)) {}

  void begin_question(SteadyTime now);  // under the lock
  void take(NameAnswer answer);

  struct Watcher {
    const void* who;
    std::function<void()> tell;
  };
  struct Failure {
    boost::asio::ip::tcp::endpoint address;
    SteadyTime at;
  };
  const std::string host_, port_;
  const Duration refresh_;
  const NameQuestion ask_;
  mutable std::mutex mutex_;
  bool literal_ = false;
  bool asking_ = false;
  bool asked_ = false;
  SteadyTime asked_at_{};
  std::uint64_t answer_ = 0;
  Addresses addresses_;
  boost::system::error_code error_;
  std::vector<Failure> failures_;  // of addresses that are known
  std::vector<Watcher> watchers_;
};

}  // namespace farebox
