// CHECK stops the program when an invariant is broken; it is for bugs only,
// never for a network, disk or user error. DCHECK is the same in debug builds.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace farebox {

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "CHECK failed: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace farebox

#define CHECK(condition) \
  ((condition) ? void(0) : ::farebox::check_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define DCHECK(condition) ((void)0)
#else
#define DCHECK(condition) CHECK(condition)
#endif
