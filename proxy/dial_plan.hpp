// DialPlan: in which order and when the addresses of one peer are tried (RFC 8305).
//
// A plain object without I/O. Tries overlap: the next begins when one fails, or after
// kAttemptDelay while the earlier ones go on, so one slow address stalls nobody. Used by one
// coroutine.
#pragma once

#include <deque>

#include "proxy/name_cache.hpp"

namespace farebox {

class DialPlan {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;
  static constexpr std::chrono::milliseconds kAttemptDelay{250};  // RFC 8305, 5

  // Addresses that weren't there yet, behind those that are. Families take turns, and those of
  // `failed_lately` go last.
  void offer(const Addresses& addresses, const Addresses& failed_lately);

  enum class What : std::uint8_t {
    begin,      // a try of `address`; it counts as running from here
    wait,       // for one of those that run, or until `until`
    exhausted,  // nothing runs and nothing is left
  };
  struct Action {
    What what = What::exhausted;
    Endpoint address;
    SteadyTime until = SteadyTime::max();
  };
  Action next(SteadyTime now);

  void failed();                               // one that ran
  void put_back(const Endpoint& address);      // one that ran and was ended for another's sake
  bool has_more() const { return !untried_.empty(); }

 private:
  std::deque<Endpoint> untried_;
  Addresses known_;
  std::size_t running_ = 0;
  SteadyTime next_begins_{};
};

}  // namespace farebox
