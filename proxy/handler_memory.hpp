// HandlerMemory: room for a handler that is posted again and again, so that posting it asks
// nothing of the heap and can't fail.
//
//   asio::post(context, memory.bind([this] { deliver(); }));
//
// Asio gives the room back before it calls the handler (documentation, "Custom Memory
// Allocation"), so a handler may post the next one. While one waits, another takes from the heap.
// The room outlives what stands in it. Thread-safe.
#pragma once

#include <atomic>
#include <boost/asio/bind_allocator.hpp>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace farebox {

class HandlerMemory {
 public:
  template <class Handler>
  auto bind(Handler handler) const {
    return boost::asio::bind_allocator(Allocator<Handler>(room_), std::move(handler));
  }

 private:
  struct Room {
    alignas(std::max_align_t) std::byte octets[256];
    std::atomic<bool> taken{false};
  };

  template <class T>
  class Allocator {
   public:
    using value_type = T;

    explicit Allocator(std::shared_ptr<Room> room) : room_(std::move(room)) {}
    template <class U>
    Allocator(const Allocator<U>& other) : room_(other.room_) {}

    T* allocate(std::size_t count) {
      const bool fits = count * sizeof(T) <= sizeof room_->octets && alignof(T) <= alignof(Room);
      if (fits && !room_->taken.exchange(true, std::memory_order_acquire)) {
        return reinterpret_cast<T*>(room_->octets);
      }
      return std::allocator<T>().allocate(count);
    }

    void deallocate(T* memory, std::size_t count) {
      if (reinterpret_cast<std::byte*>(memory) == room_->octets) {
        room_->taken.store(false, std::memory_order_release);
      } else {
        std::allocator<T>().deallocate(memory, count);
      }
    }

    template <class U>
    bool operator==(const Allocator<U>& other) const { return room_ == other.room_; }

   private:
    template <class U>
    friend class Allocator;
    std::shared_ptr<Room> room_;
  };

  std::shared_ptr<Room> room_ = std::make_shared<Room>();
};

}  // namespace farebox
