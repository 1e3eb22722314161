// Admission: what all workers together may hold at once. Lock-free but for what a connection
// does at its begin and end.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/client_counts.hpp"
#include "proxy/memory_ceiling.hpp"

namespace farebox {

struct Admission {
  std::atomic<std::uint64_t> buffered_octets{0};
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> max_connections{0};
  ClientCounts clients;
  MemoryCeiling memory;
};

// Octets of request bodies held in memory, counted against one cap for the whole
// program (limits.buffered_bodies). Gives them back when it dies.
class BufferedOctets {
 public:
  BufferedOctets() = default;
  BufferedOctets(std::atomic<std::uint64_t>& total, std::uint64_t cap)
      : total_(&total), cap_(cap) {}
  BufferedOctets(BufferedOctets&& other) noexcept
      : total_(other.total_), cap_(other.cap_), held_(other.held_) {
    other.held_ = 0;
  }
  BufferedOctets& operator=(BufferedOctets&& other) noexcept {
    if (this != &other) {
      release();
      total_ = other.total_;
      cap_ = other.cap_;
      held_ = other.held_;
      other.held_ = 0;
    }
    return *this;
  }
  ~BufferedOctets() { release(); }

  // False, and nothing taken, when the cap would be passed.
  bool grow_to(std::uint64_t octets) {
    if (octets <= held_) return true;
    const std::uint64_t more = octets - held_;
    if (total_->fetch_add(more, std::memory_order_relaxed) + more > cap_) {
      total_->fetch_sub(more, std::memory_order_relaxed);
      return false;
    }
    held_ = octets;
    return true;
  }

 private:
  void release() {
    if (held_ != 0) total_->fetch_sub(held_, std::memory_order_relaxed);
    held_ = 0;
  }

  std::atomic<std::uint64_t>* total_ = nullptr;
  std::uint64_t cap_ = 0;
  std::uint64_t held_ = 0;
};

}  // namespace farebox
