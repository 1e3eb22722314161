// The threads of AlertDesk that deliver.
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

// Under mutex_, so that none is added to those that `stop` waits for.
void AlertDesk::add_posters() {
  const std::size_t wanted = started_ && !stopping_ ? std::min(channels_.size(), kMostPosters) : 0;
  while (posters_.size() < wanted) posters_.emplace_back([this] { post(); });
}

void AlertDesk::post() {
  if (const auto curl = CurlLibrary::load(); !curl) {
    log_.error("alerts can't be delivered", {{"why", curl.error().context}});
  }
  while (true) {
    while (deliver()) {
    }
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    const WallTime now = clock_.wall_now();
    const auto next = queue_.next();
    if (!next) {
      changed_.wait(lock);
      continue;
    }
    if (*next <= now) continue;
    changed_.wait_for(lock, std::clamp<WallTime::duration>(*next - now, std::chrono::milliseconds(1),
                                                           kLongestSleep));
  }
}

bool AlertDesk::deliver() {
  std::unique_lock lock(mutex_);
  if (stopping_) return false;
  auto delivery = queue_.take(clock_.wall_now());
  if (!delivery) return false;
  const auto alert = alerts_.find(delivery->alert);
  const auto channel = std::find_if(channels_.begin(), channels_.end(), [&](const AlertChannel& each) {
    return each.name == delivery->channel;
  });
  if (alert == alerts_.end() || channel == channels_.end()) {
    queue_.leave(*delivery);  // nobody asks for it
    return true;
  }
  const StoredAlert what = alert->second;
  const AlertChannel where = *channel;
  lock.unlock();
  SendReport report =
      send_alert(where, what, delivery->news, clock_.wall_now(), kSendTime, stop_sending_);
  // Ended early it wasn't the receiver's fault; the next start tries again.
  if (stop_sending_ && report.result != Sent::delivered) return false;
  settle_attempt(std::move(*delivery), report.result, std::move(report.why));
  return true;
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
  // It is over already: whoever was told of it now is told that too.
  std::vector<AlertDelivery> owed;
  if (after == After::delivered) {
    const std::lock_guard lock(mutex_);
    const auto alert = alerts_.find(delivery.alert);
    if (alert != alerts_.end()) owed = owe_resolved(alert->second, clock_.wall_now());
  }
  save(delivery.alert);
  add_to_queue(owed);
  changed_.notify_all();  // the channel's next one may go
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
    send.delivery = {alert.id, channel.name, 0, alert.fired, alert.fired, AlertNews::fired};
  }
}

// Under mutex_. Of what is over: a delivery for each channel that was told of it, wants to know,
// and has none yet.
std::vector<AlertDelivery> AlertDesk::owe_resolved(StoredAlert& alert, WallTime now) const {
  std::vector<AlertDelivery> owed;
  if (!alert.ended || is_event(alert.change.kind)) return owed;
  for (const AlertChannel& channel : channels_) {
    if (!channel.resolved) continue;
    const auto has = [&](AlertNews news) {
      return std::any_of(alert.sends.begin(), alert.sends.end(), [&](const AlertSend& send) {
        return send.delivery.channel == channel.name && send.delivery.news == news &&
               (news == AlertNews::resolved || send.state == State::delivered);
      });
    };
    if (!has(AlertNews::fired) || has(AlertNews::resolved)) continue;
    owed.push_back({alert.id, channel.name, 0, now, now, AlertNews::resolved});
  }
  for (const AlertDelivery& delivery : owed) alert.sends.push_back({delivery, State::waiting, {}});
  return owed;
}

// Behind what is on the disk.
void AlertDesk::add_to_queue(const std::vector<AlertDelivery>& deliveries) {
  if (deliveries.empty()) return;
  std::vector<AlertDelivery> dropped;
  {
    const std::lock_guard lock(mutex_);
    for (const AlertDelivery& delivery : deliveries) {
      if (auto oldest = queue_.add(delivery)) dropped.push_back(std::move(*oldest));
    }
    for (const AlertDelivery& delivery : dropped) count_send(delivery.channel, "dropped");
  }
  changed_.notify_all();
  for (const AlertDelivery& delivery : dropped) {
    mark(delivery, State::dropped, "too many alerts were waiting");
    save(delivery.alert);
    log_.error("an alert was dropped: too many are waiting for their channels",
               {{"alert", delivery.alert}, {"channel", delivery.channel}});
  }
}

}  // namespace farebox
