// The functions that allocate, before libc's and libstdc++'s own.
#include <cstdlib>
#include <new>

#include "fail_nth.hpp"

using torture::fails;
using torture::is_own;
using torture::kAllocations;

#define NEW(symbol, parameters, arguments)                                \
  static void* real##symbol parameters {                                  \
    static std::atomic<void*> known{};                                    \
    if (known.load() == nullptr) known.store(dlsym(RTLD_NEXT, #symbol));  \
    return reinterpret_cast<void*(*) parameters>(known.load()) arguments; \
  }

NEW(_Znwm, (std::size_t size), (size))
NEW(_Znam, (std::size_t size), (size))
NEW(_ZnwmSt11align_val_t, (std::size_t size, std::align_val_t to), (size, to))
NEW(_ZnamSt11align_val_t, (std::size_t size, std::align_val_t to), (size, to))
NEW(_ZnwmRKSt9nothrow_t, (std::size_t size, const std::nothrow_t& no), (size, no))
NEW(_ZnamRKSt9nothrow_t, (std::size_t size, const std::nothrow_t& no), (size, no))

void* operator new(std::size_t size) {
  if (fails(kAllocations, "operator new")) throw std::bad_alloc();
  return real_Znwm(size);
}
void* operator new[](std::size_t size) {
  if (fails(kAllocations, "operator new[]")) throw std::bad_alloc();
  return real_Znam(size);
}
void* operator new(std::size_t size, std::align_val_t to) {
  if (fails(kAllocations, "operator new, aligned")) throw std::bad_alloc();
  return real_ZnwmSt11align_val_t(size, to);
}
void* operator new[](std::size_t size, std::align_val_t to) {
  if (fails(kAllocations, "operator new[], aligned")) throw std::bad_alloc();
  return real_ZnamSt11align_val_t(size, to);
}
void* operator new(std::size_t size, const std::nothrow_t& no) noexcept {
  return fails(kAllocations, "operator new, nothrow") ? nullptr : real_ZnwmRKSt9nothrow_t(size, no);
}
void* operator new[](std::size_t size, const std::nothrow_t& no) noexcept {
  return fails(kAllocations, "operator new[], nothrow") ? nullptr : real_ZnamRKSt9nothrow_t(size, no);
}

extern "C" {

// dlsym may allocate itself before it knows where the next ones are.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);

void* malloc(std::size_t size) noexcept {
  static std::atomic<bool> looking{false};
  static std::atomic<void* (*)(std::size_t)> known{};
  auto real = known.load();
  if (real == nullptr) {
    if (looking.exchange(true)) return __libc_malloc(size);
    real = reinterpret_cast<void* (*)(std::size_t)>(dlsym(RTLD_NEXT, "malloc"));
    known.store(real);
  }
  if (is_own(__builtin_return_address(0)) && fails(kAllocations, "malloc")) {
    errno = ENOMEM;
    return nullptr;
  }
  return real(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  static std::atomic<bool> looking{false};
  static std::atomic<void* (*)(std::size_t, std::size_t)> known{};
  auto real = known.load();
  if (real == nullptr) {
    if (looking.exchange(true)) return __libc_calloc(count, size);
    real = reinterpret_cast<void* (*)(std::size_t, std::size_t)>(dlsym(RTLD_NEXT, "calloc"));
    known.store(real);
  }
  if (is_own(__builtin_return_address(0)) && fails(kAllocations, "calloc")) {
    errno = ENOMEM;
    return nullptr;
  }
  return real(count, size);
}

void* realloc(void* old, std::size_t size) noexcept {
  NEXT(realloc)
  if (is_own(__builtin_return_address(0)) && fails(kAllocations, "realloc")) {
    errno = ENOMEM;
    return nullptr;
  }
  return real(old, size);
}

void* aligned_alloc(std::size_t to, std::size_t size) noexcept {
  NEXT(aligned_alloc)
  if (is_own(__builtin_return_address(0)) && fails(kAllocations, "aligned_alloc")) {
    errno = ENOMEM;
    return nullptr;
  }
  return real(to, size);
}

}  // extern "C"
