#include "proxy/alert_desk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/base/json_writer.hpp"
#include "proxy/alert_sender.hpp"

namespace farebox {
namespace {

using State = AlertSend::State;

constexpr std::string_view kAlerts = "alert";
// Models without a price are told of once, however long ago that was.
constexpr std::string_view kModels = "alert_model";
constexpr std::chrono::milliseconds kTestTime{8'000};

bool is_waiting(const StoredAlert& alert) {
  return std::any_of(alert.sends.begin(), alert.sends.end(),
                     [](const AlertSend& send) { return send.state == State::waiting; });
}

AlertChannel without_secrets(AlertChannel channel) {
  channel.url = channel.secret = channel.password = Secret();
  channel.proxy.reset();
  return channel;
}

}  // namespace

AlertDesk::AlertDesk(DocumentStore& documents, Governor& governor, const BudgetShelf& budgets,
                     const Ledger& ledger, const Metrics& metrics, const Clock& clock, Logger& log)
    : documents_(documents),
      governor_(governor),
      budgets_(budgets),
      ledger_(ledger),
      metrics_(metrics),
      clock_(clock),
      log_(log) {}

AlertDesk::~AlertDesk() { stop(); }

Result<void> AlertDesk::open() {
  const WallTime now = clock_.wall_now();
  std::size_t damaged = 0;
  const auto models = documents_.each(kModels, [&](std::string_view model, std::string_view) {
    book_.restore_model(std::string(model));
    return true;
  });
  if (!models) return models;
  const auto read = documents_.each(kAlerts, [&](std::string_view, std::string_view json) {
    auto alert = read_alert(json);
    if (!alert) {
      ++damaged;
      return true;
    }
    if (!alert->ended) book_.restore(alert->change, alert->window, now);
    for (const AlertSend& send : alert->sends) {
      if (send.state == State::waiting) queue_.add(send.delivery);
    }
    std::string id = alert->id;
    alerts_.insert_or_assign(std::move(id), std::move(*alert));
    return true;
  });
  if (damaged != 0) {
    log_.warn("stored alerts can't be read; what they told of may be told again",
              {{"alerts", static_cast<std::int64_t>(damaged)}});
  }
  return read;
}

void AlertDesk::adopt(const AlertSettings& settings) {
  std::vector<AlertDelivery> gone;
  {
    const std::lock_guard lock(mutex_);
    const WallTime now = clock_.wall_now();
    for (const AlertChannel& channel : settings.channels) {
      const bool same = std::find(channels_.begin(), channels_.end(), channel) != channels_.end();
      if (same) continue;
      queue_.hurry(channel.name, now);
      channel_errors_.erase(channel.name);
    }
    channels_ = settings.channels;
    add_posters();
    const auto there = [&](const std::string& name) {
      return std::any_of(channels_.begin(), channels_.end(),
                         [&](const AlertChannel& channel) { return channel.name == name; });
    };
    gone = queue_.remove(there);
    std::erase_if(channel_errors_, [&](const auto& each) { return !there(each.first); });
    std::erase_if(delivered_at_, [&](const auto& each) { return !there(each.first); });
  }
  for (const AlertDelivery& delivery : gone) {
    mark(delivery, State::dropped, "its channel is gone from the configuration");
    save(delivery.alert);
  }
  if (!gone.empty()) {
    log_.warn("alerts that waited for a channel which is gone were dropped",
              {{"deliveries", static_cast<std::int64_t>(gone.size())}});
  }
  changed_.notify_all();
}

void AlertDesk::start() {
  const std::lock_guard lock(mutex_);
  started_ = true;
  if (!watcher_.joinable()) watcher_ = std::thread([this] { watch(); });
  add_posters();
}

void AlertDesk::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_sending_ = true;
  changed_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  for (std::thread& poster : posters_) poster.join();
  posters_.clear();
}

std::vector<StoredAlert> AlertDesk::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<StoredAlert> alerts;
  for (auto each = alerts_.rbegin(); each != alerts_.rend(); ++each) alerts.push_back(each->second);
  return alerts;
}

std::optional<StoredAlert> AlertDesk::acknowledge(std::string_view id, Acknowledgement seen) {
  const std::string wanted(id);
  {
    const std::lock_guard lock(mutex_);
    const auto found = alerts_.find(wanted);
    if (found == alerts_.end()) return std::nullopt;
    found->second.acknowledged = std::move(seen);
  }
  save(wanted);
  const std::lock_guard lock(mutex_);
  const auto found = alerts_.find(wanted);
  if (found == alerts_.end()) return std::nullopt;
  return found->second;
}

std::vector<AlertDesk::ChannelState> AlertDesk::channels() const {
  const std::lock_guard lock(mutex_);
  const auto waiting = queue_.by_channel();
  std::vector<ChannelState> states;
  for (const AlertChannel& channel : channels_) {
    ChannelState& state = states.emplace_back();
    state.channel = without_secrets(channel);
    if (const auto found = waiting.find(channel.name); found != waiting.end()) state.waiting = found->second;
    if (const auto at = delivered_at_.find(channel.name); at != delivered_at_.end()) state.delivered = at->second;
    if (const auto why = channel_errors_.find(channel.name); why != channel_errors_.end()) state.error = why->second;
  }
  return states;
}

std::vector<AlertDesk::TestResult> AlertDesk::test(std::string_view channel) const {
  std::vector<AlertChannel> wanted;
  {
    const std::lock_guard lock(mutex_);
    for (const AlertChannel& each : channels_) {
      if (channel.empty() || each.name == channel) wanted.push_back(each);
    }
  }
  StoredAlert alert;
  alert.fired = clock_.wall_now();
  alert.id = fmt::format("alt-test-{:x}", alert.fired.time_since_epoch().count());
  alert.ended = alert.fired;
  alert.change.kind = AlertKind::test;
  alert.change.subject = "test";
  const AlertWords words = other_words(AlertKind::test, "test", "", "");
  alert.title = words.title;
  alert.text = words.text;

  std::vector<TestResult> results(wanted.size());
  std::vector<std::thread> senders;  // as many as there are channels, which is few
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    senders.emplace_back([&, i] {
      const SteadyTime begin = clock_.steady_now();
      const SendReport report =
          send_alert(wanted[i], alert, AlertNews::fired, clock_.wall_now(), kTestTime, stop_sending_);
      results[i] = {wanted[i].name, report.result == AlertQueue::Result::delivered, report.why,
                    std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - begin)};
    });
  }
  for (std::thread& sender : senders) sender.join();
  return results;
}

AlertGauges AlertDesk::gauges() const {
  const std::lock_guard lock(mutex_);
  AlertGauges gauges = counts_;
  gauges.queued = queue_.size();
  gauges.active = static_cast<std::uint64_t>(std::count_if(
      alerts_.begin(), alerts_.end(), [](const auto& each) { return !each.second.ended; }));
  return gauges;
}

void AlertDesk::note_breaker(std::string_view provider, bool open) {
  const std::lock_guard lock(mutex_);
  breakers_.insert_or_assign(std::string(provider), open);
}

// What the document says is what is true when it is written, so that the last writer is right.
void AlertDesk::save(const std::string& id) {
  const std::lock_guard storing(storing_);
  std::string json;
  std::string model;
  {
    const std::lock_guard lock(mutex_);
    const auto found = alerts_.find(id);
    if (found == alerts_.end()) return;
    JsonWriter writer(json);
    append_alert(writer, found->second);
    if (found->second.change.kind == AlertKind::model_unpriced) model = found->second.change.subject;
  }
  auto done = documents_.put(kAlerts, id, json);
  if (done && !model.empty()) done = documents_.put(kModels, model, "{}");
  const std::lock_guard lock(mutex_);
  if (done) {
    unsaved_.erase(id);
    return;
  }
  if (unsaved_.empty()) {
    log_.error("alerts can't be kept; until the store can write, a restart forgets them",
               {{"why", done.error().context}});
  }
  unsaved_.insert(id);
}

void AlertDesk::save_unsaved() {
  std::set<std::string> unsaved;
  {
    const std::lock_guard lock(mutex_);
    unsaved = unsaved_;
  }
  for (const std::string& id : unsaved) {
    save(id);
    const std::lock_guard lock(mutex_);
    if (unsaved_.contains(id)) return;  // it still can't
  }
}

// Those that are over and delivered go first, then the oldest that are delivered, then any.
void AlertDesk::prune() {
  std::vector<std::string> gone;
  {
    const std::lock_guard lock(mutex_);
    for (int round = 0; round < 3; ++round) {
      for (auto each = alerts_.begin(); each != alerts_.end() && alerts_.size() > kMostAlerts;) {
        const bool goes = round == 2 || (!is_waiting(each->second) && (round == 1 || each->second.ended));
        if (!goes) {
          ++each;
          continue;
        }
        gone.push_back(each->first);
        unsaved_.erase(each->first);
        each = alerts_.erase(each);
      }
    }
  }
  const std::lock_guard storing(storing_);
  for (const std::string& id : gone) {
    if (!documents_.erase(kAlerts, id)) return;  // read again at the next start, and pruned again
  }
}

void AlertDesk::mark(const AlertDelivery& delivery, State state, std::string why) {
  const std::lock_guard lock(mutex_);
  const auto found = alerts_.find(delivery.alert);
  if (found == alerts_.end()) return;
  for (AlertSend& send : found->second.sends) {
    if (send.delivery.channel != delivery.channel || send.delivery.news != delivery.news) continue;
    send.delivery = delivery;
    send.state = state;
    send.error = std::move(why);
    return;
  }
}

}  // namespace farebox
