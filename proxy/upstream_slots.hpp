// PoolSlots: how many connections to one provider may be open, over all workers.
//
// Thread-safe: one counter behind a short lock, touched when a connection is opened
// or closed, never per request. A worker that finds no slot asks the others to close
// an idle connection and is told when one is free.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace farebox {

class PoolSlots {
 public:
  // What a worker's pool can be asked to do; each posts to its own thread.
  struct Member {
    const void* id;
    std::function<void()> slot_is_free;
    std::function<void()> give_up_an_idle_one;
  };

  explicit PoolSlots(std::uint32_t max) : max_(max) {}

  void join(Member member) {
    const std::lock_guard lock(mutex_);
    members_.push_back(std::move(member));
  }
  void leave(const void* id) {
    const std::lock_guard lock(mutex_);
    std::erase_if(members_, [id](const Member& member) { return member.id == id; });
    std::erase(waiting_, id);
  }

  // True if a connection may be opened. If not, `id` is told once when that changes.
  bool take(const void* id) {
    const std::lock_guard lock(mutex_);
    if (open_ < max_) {
      ++open_;
      return true;
    }
    if (std::find(waiting_.begin(), waiting_.end(), id) == waiting_.end()) waiting_.push_back(id);
    waits_.store(waiting_.size(), std::memory_order_relaxed);
    for (const Member& member : members_) {
      if (member.id != id) member.give_up_an_idle_one();
    }
    return false;
  }

  // The same for a connection that nobody waits for: never at the cost of one who does.
  bool take_spare() {
    const std::lock_guard lock(mutex_);
    if (open_ >= max_ || !waiting_.empty()) return false;
    ++open_;
    return true;
  }

  // How much of `total` falls to `id`, as equally as can be: the shares of all add up to it.
  std::uint32_t share_of(const void* id, std::uint32_t total) const {
    const std::lock_guard lock(mutex_);
    const auto place = std::find_if(members_.begin(), members_.end(),
                                    [id](const Member& member) { return member.id == id; });
    if (place == members_.end()) return 0;
    const auto index = static_cast<std::uint32_t>(place - members_.begin());
    const auto count = static_cast<std::uint32_t>(members_.size());
    return total / count + (index < total % count ? 1 : 0);
  }

  void release() {
    const std::lock_guard lock(mutex_);
    --open_;
    tell_first();
  }

  // `id` was told of a free slot and has no use for it any more.
  void pass_on() {
    const std::lock_guard lock(mutex_);
    if (open_ < max_) tell_first();
  }

  // `id` waits no longer: its callers were served or went.
  void forget(const void* id) {
    const std::lock_guard lock(mutex_);
    std::erase(waiting_, id);
    waits_.store(waiting_.size(), std::memory_order_relaxed);
  }

  // Does another worker wait for a slot? Asked after every request: one relaxed load.
  bool wanted() const { return waits_.load(std::memory_order_relaxed) != 0; }

  std::uint32_t open() const {
    const std::lock_guard lock(mutex_);
    return open_;
  }

 private:
  void tell_first() {
    if (waiting_.empty()) return;
    const void* const first = waiting_.front();
    waiting_.erase(waiting_.begin());
    waits_.store(waiting_.size(), std::memory_order_relaxed);
    for (const Member& member : members_) {
      if (member.id == first) member.slot_is_free();
    }
  }

  std::atomic<std::size_t> waits_{0};
  mutable std::mutex mutex_;
  const std::uint32_t max_;
  std::uint32_t open_ = 0;
  std::vector<Member> members_;
  std::vector<const void*> waiting_;  // in order of arrival, each worker once
};

}  // namespace farebox
