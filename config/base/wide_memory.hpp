// Memory for tables that are read all over: in pages of 2 MiB where the kernel has them, so
// that a look-up in a large table doesn't wait for the page tables too.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace farebox {

inline constexpr std::size_t kWidePage = 2u << 20;

// `size` octets on a boundary of kWidePage, to be freed by std::free. With `wide` the kernel is
// asked for wide pages: the first octet touched takes a whole one. Throws std::bad_alloc.
inline void* take_wide_memory(std::size_t size, bool wide) {
  const std::size_t whole = (size + kWidePage - 1) / kWidePage * kWidePage;
  void* const memory = std::aligned_alloc(kWidePage, whole);
  if (memory == nullptr) throw std::bad_alloc();
  // Where there are none, small ones do.
  if (wide) ::madvise(memory, whole, MADV_HUGEPAGE);
  return memory;
}

// For vectors: those below a wide page live where all others do.
template <class T>
struct WideAllocator {
  using value_type = T;
  WideAllocator() = default;
  template <class Other>
  WideAllocator(const WideAllocator<Other>&) {}  // NOLINT: allocators convert

  T* allocate(std::size_t count) {
    const std::size_t size = count * sizeof(T);
    if (size < kWidePage) return std::allocator<T>().allocate(count);
    return static_cast<T*>(take_wide_memory(size, true));
  }
  void deallocate(T* memory, std::size_t count) {
    if (count * sizeof(T) < kWidePage) return std::allocator<T>().deallocate(memory, count);
    std::free(memory);
  }
  template <class Other>
  bool operator==(const WideAllocator<Other>&) const {
    return true;
  }
};

// A list that grows at its end and whose elements stay where they are. The first block takes
// only the pages that are touched, so a short list is small.
template <class T>
class WideList {
 public:
  WideList() = default;
  WideList(const WideList&) = delete;
  WideList& operator=(const WideList&) = delete;
  ~WideList() {
    for (std::size_t at = 0; at < size_; ++at) (*this)[at].~T();
  }

  T& emplace_back() {
    if (size_ % kEach == 0) {
      const bool wide = !blocks_.empty();
      blocks_.emplace_back(static_cast<T*>(take_wide_memory(kEach * sizeof(T), wide)));
    }
    T* const made = new (blocks_.back().get() + size_ % kEach) T();
    ++size_;
    return *made;
  }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t at) { return blocks_[at / kEach].get()[at % kEach]; }

  template <class Each>
  void each(Each&& visit) {
    for (std::size_t at = 0; at < size_; ++at) visit((*this)[at]);
  }

 private:
  static_assert(sizeof(T) <= kWidePage && alignof(T) <= kWidePage);
  static constexpr std::size_t kEach = kWidePage / sizeof(T);
  struct Free {
    void operator()(T* memory) const { std::free(memory); }
  };
  std::vector<std::unique_ptr<T, Free>> blocks_;
  std::size_t size_ = 0;
};

}  // namespace farebox
