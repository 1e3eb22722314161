// fail_nth: a library for LD_PRELOAD that fails exactly the n-th call of a kind.
//
// The program maps a page that the test maps too (FAREBOX_TORTURE_PAGE names its file). While the
// page says so, calls are counted; the n-th fails, and the page tells which it was and from where.
//
// Allocations: operator new, and the malloc family where the program itself or one of the
// libraries that compress for it calls. Not what RocksDB and OpenSSL allocate: how they take it
// is theirs. Calls of the system: those that a kernel short of something refuses, with an errno
// it would say. Ordinary files are left to the suite of the failing disk.
#pragma once

#include <dlfcn.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace torture {

constexpr std::size_t kFrames = 96;

// As Page in tests/rows/o7_torture.py has it.
struct Page {
  std::atomic<std::uint32_t> kind;  // 0: nothing is counted
  std::uint32_t soft;               // 1: the other errno of `refuse`
  std::uint64_t n;                  // 0: none fails
  std::atomic<std::uint64_t> seen;
  std::atomic<std::uint32_t> fired;
  std::uint32_t frames;
  char what[32];
  char thread[16];
  std::uint64_t from[kFrames];
};
constexpr std::uint32_t kAllocations = 1;
constexpr std::uint32_t kCalls = 2;

extern Page* page;

// Is this the one that fails? Counts it, and tells where it is.
bool fails(std::uint32_t kind, const char* what);

// Does the program itself call, or a library that allocates for it?
bool is_own(void* caller);

// The errno of this round; `soft` is one after which one tries again, where there is one.
inline int refuse(int hard, int soft) {
  errno = page->soft != 0 ? soft : hard;
  return -1;
}

}  // namespace torture

// `real` is the function behind ours: libc's, or a sanitizer's.
#define NEXT(name)                                                        \
  static std::atomic<void*> known{};                                      \
  if (known.load() == nullptr) known.store(dlsym(RTLD_NEXT, #name));      \
  const auto real = reinterpret_cast<decltype(&name)>(known.load());
