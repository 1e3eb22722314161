// The thread of AlertDesk that delivers.
#include <fmt/format.h>

#include <random>

#include "proxy/alert_desk.hpp"
#include "proxy/alert_sender.hpp"
#include "proxy/curl_library.hpp"

namespace farebox {
namespace {

using After = AlertQueue::After;
using Sent = AlertQueue::Result;
using State = AlertSend::State;

constexpr std::chrono::milliseconds kSendTime{10'000};
// A clock that is set back mustn't keep an alert.
constexpr std::chrono::seconds kLongestSleep{60};

}  // namespace

void AlertDesk::post() {
  if (const auto curl = CurlLibrary::load(); !curl) {
    log_.error("alerts can't be delivered", {{"why", curl.error().context}});
  }
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const WallTime now = clock_.wall_now();
    auto delivery = queue_.take(now);
    if (!delivery) {
      const auto next = queue_.next();
      WallTime::duration sleep = kLongestSleep;
      if (next) sleep = std::clamp<WallTime::duration>(*next - now, std::chrono::milliseconds(1), kLongestSleep);
      if (next) changed_.wait_for(lock, sleep);
      else changed_.wait(lock);
      continue;
    }
    const auto alert = alerts_.find(delivery->alert);
    const auto channel = std::find_if(channels_.begin(), channels_.end(), [&](const AlertChannel& each) {
      return each.name == delivery->channel;
    });
    if (alert == alerts_.end() || channel == channels_.end()) continue;  // nobody asks for it
    const StoredAlert what = alert->second;
    const AlertChannel where = *channel;
    lock.unlock();
    SendReport report = send_alert(where, what, clock_.wall_now(), kSendTime, stop_sending_);
    // Ended early it wasn't the receiver's fault; the next start tries again.
    if (!stop_sending_ || report.result == Sent::delivered) {
      settle_attempt(std::move(*delivery), report.result, std::move(report.why));
    }
    lock.lock();
  }
}

void AlertDesk::settle_attempt(AlertDelivery delivery, Sent result, std::string why) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  After after = After::waiting;
  bool first_failure = false;
  bool there = true;  // no reload took the channel away meanwhile
  {
    const std::lock_guard lock(mutex_);
    const WallTime now = clock_.wall_now();
    there = std::any_of(channels_.begin(), channels_.end(), [&](const AlertChannel& each) {
      return each.name == delivery.channel;
    });
    after = queue_.done(delivery, result, now, static_cast<std::uint32_t>(random() % 1'000));
    if (result == Sent::delivered) {
      delivered_at_[delivery.channel] = now;
      channel_errors_.erase(delivery.channel);
      count_send(delivery.channel, "delivered");
    } else {
      std::string& error = channel_errors_[delivery.channel];
      first_failure = error.empty();
      error = why;
      count_send(delivery.channel, "failed");
      if (after == After::undeliverable) count_send(delivery.channel, "undeliverable");
    }
    if (!there) queue_.remove([&](const std::string& name) { return name != delivery.channel; });
  }
  const State state = after == After::delivered ? State::delivered
                      : after == After::undeliverable ? State::undeliverable
                      : there                         ? State::waiting
                                                      : State::dropped;
  mark(delivery, state, why);
  save(delivery.alert);
  if (after == After::undeliverable) {
    log_.error("an alert could not be delivered and is given up",
               {{"alert", delivery.alert}, {"channel", delivery.channel}, {"why", why}});
  } else if (first_failure) {
    log_.warn("an alert channel doesn't take alerts; it is tried again",
              {{"channel", delivery.channel}, {"why", why}});
  }
}

void AlertDesk::count_send(const std::string& channel, const char* result) {
  ++counts_.sends[{channel, result}];
}

// Under mutex_.
void AlertDesk::queue_sends(StoredAlert& alert) {
  for (const AlertChannel& channel : channels_) {
    if (level_of(alert.change.kind) < channel.at_least) continue;
    AlertSend& send = alert.sends.emplace_back();
    send.delivery = {alert.id, channel.name, 0, alert.fired, alert.fired};
  }
}

}  // namespace farebox
