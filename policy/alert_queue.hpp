// AlertQueue: which alert goes to which channel when, and what a failure changes of it.
//
// What was never tried goes first, in order. A channel that doesn't answer is left alone for
// a while that doubles from a second to a quarter of an hour, so that one that is down costs
// one attempt and not one for each alert; what it refuses (a 400) waits by itself. After a day
// a delivery is given up. A channel has one delivery on its way at most, so that each is told
// in order and none waits for another. Bounded: beyond `most` the oldest is dropped, and its
// owner told.
// Time is an argument; not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/base/clock.hpp"

namespace farebox {

// What a channel is told of an alert.
enum class AlertNews : std::uint8_t { fired, resolved };

struct AlertDelivery {
  std::string alert;    // its id
  std::string channel;  // its name
  std::uint32_t attempts = 0;
  WallTime since{};     // when it was queued first
  WallTime next{};      // not before
  AlertNews news = AlertNews::fired;
};

class AlertQueue {
 public:
  static constexpr std::chrono::hours kGiveUp{24};
  static constexpr std::chrono::seconds kFirstPause{1};
  static constexpr std::chrono::minutes kLongestPause{15};

  explicit AlertQueue(std::size_t most = 1'000) : most_(most) {}

  // What was dropped for it.
  std::optional<AlertDelivery> add(AlertDelivery delivery);

  // The one to try now; it is out of the queue, and its channel busy, until `done` or `leave`.
  std::optional<AlertDelivery> take(WallTime now);
  // When `take` may have one; nothing: never, as it is.
  std::optional<WallTime> next() const;

  enum class Result : std::uint8_t {
    delivered,
    failed,   // no answer, or one that says: later
    refused,  // an answer that says: not like this
  };
  enum class After : std::uint8_t { delivered, waiting, undeliverable };
  // `chance`: 0 to 999, spreads those that fail together.
  After done(AlertDelivery& delivery, Result result, WallTime now, std::uint32_t chance);
  // Nobody asks for what was taken any more.
  void leave(const AlertDelivery& delivery) { busy_.erase(delivery.channel); }

  // Its settings have changed: whatever waits for it may go at once.
  void hurry(const std::string& channel, WallTime now);
  // Of the channels for which it says false; they are gone.
  std::vector<AlertDelivery> remove(const std::function<bool(const std::string&)>& there);

  std::size_t size() const { return waiting_.size(); }
  std::map<std::string, std::size_t> by_channel() const;

 private:
  struct Channel {
    std::uint32_t failures = 0;  // one after the other
    WallTime paused{};           // until then
  };
  WallTime due(const AlertDelivery& delivery) const;

  const std::size_t most_;
  std::vector<AlertDelivery> waiting_;  // in the order they came
  std::map<std::string, Channel> channels_;
  std::set<std::string> busy_;          // channels with a delivery on its way
};

}  // namespace farebox
