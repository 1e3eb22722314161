#include "policy/alert_queue.hpp"

#include <algorithm>

namespace farebox {
namespace {

// Between three and five quarters of it.
WallTime::duration pause_after(std::uint32_t failures, std::uint32_t chance) {
  WallTime::duration pause = AlertQueue::kFirstPause;
  for (std::uint32_t i = 1; i < failures && pause < AlertQueue::kLongestPause; ++i) pause *= 2;
  pause = std::min<WallTime::duration>(pause, AlertQueue::kLongestPause);
  return pause * (1'500 + std::min(chance, 999u)) / 2'000;
}

}  // namespace

std::optional<AlertDelivery> AlertQueue::add(AlertDelivery delivery) {
  waiting_.push_back(std::move(delivery));
  if (waiting_.size() <= most_) return std::nullopt;
  const auto oldest = std::min_element(
      waiting_.begin(), waiting_.end(),
      [](const AlertDelivery& a, const AlertDelivery& b) { return a.since < b.since; });
  AlertDelivery dropped = std::move(*oldest);
  waiting_.erase(oldest);
  return dropped;
}

WallTime AlertQueue::due(const AlertDelivery& delivery) const {
  const auto channel = channels_.find(delivery.channel);
  if (channel == channels_.end()) return delivery.next;
  return std::max(delivery.next, channel->second.paused);
}

std::optional<AlertDelivery> AlertQueue::take(WallTime now) {
  auto chosen = waiting_.end();
  for (auto each = waiting_.begin(); each != waiting_.end(); ++each) {
    if (busy_.contains(each->channel)) continue;
    // What lies further away than any pause is due: the clock was set back.
    const WallTime then = due(*each);
    if (then > now && then - now <= 2 * kLongestPause) continue;
    if (chosen == waiting_.end() || each->attempts < chosen->attempts) chosen = each;
  }
  if (chosen == waiting_.end()) return std::nullopt;
  AlertDelivery taken = std::move(*chosen);
  waiting_.erase(chosen);
  busy_.insert(taken.channel);
  return taken;
}

std::optional<WallTime> AlertQueue::next() const {
  std::optional<WallTime> next;
  for (const AlertDelivery& each : waiting_) {
    if (!busy_.contains(each.channel)) next = std::min(next.value_or(WallTime::max()), due(each));
  }
  return next;
}

AlertQueue::After AlertQueue::done(AlertDelivery& delivery, Result result, WallTime now,
                                   std::uint32_t chance) {
  ++delivery.attempts;
  busy_.erase(delivery.channel);
  Channel& channel = channels_[delivery.channel];
  if (result != Result::failed) channel = {};
  if (result == Result::delivered) return After::delivered;
  if (result == Result::failed) {
    ++channel.failures;
    channel.paused = now + pause_after(channel.failures, chance);
    delivery.next = channel.paused;
  } else {
    delivery.next = now + pause_after(delivery.attempts, chance);
  }
  // The clock may have been set back since it was queued.
  if (now - delivery.since >= kGiveUp) return After::undeliverable;
  waiting_.push_back(delivery);
  return After::waiting;
}

void AlertQueue::hurry(const std::string& channel, WallTime now) {
  channels_.erase(channel);
  for (AlertDelivery& each : waiting_) {
    if (each.channel == channel) each.next = std::min(each.next, now);
  }
}

std::vector<AlertDelivery> AlertQueue::remove(
    const std::function<bool(const std::string&)>& there) {
  std::vector<AlertDelivery> removed;
  std::erase_if(waiting_, [&](AlertDelivery& each) {
    if (there(each.channel)) return false;
    removed.push_back(std::move(each));
    return true;
  });
  std::erase_if(channels_, [&](const auto& each) { return !there(each.first); });
  return removed;
}

std::map<std::string, std::size_t> AlertQueue::by_channel() const {
  std::map<std::string, std::size_t> counts;
  for (const AlertDelivery& each : waiting_) ++counts[each.channel];
  return counts;
}

}  // namespace farebox
