#include "proxy/no_dump.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdlib>
#include <string_view>

namespace farebox {
namespace {

void set_core_limit(rlim_t soft) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
  ::setrlimit(RLIMIT_CORE, &limit);
}

}  // namespace

NoDump::NoDump() {
  const char* const said = std::getenv("FAREBOX_DUMPABLE");
  const std::string_view word = said == nullptr ? "" : said;
  if (word == "1" || word == "true") return;
  on_ = true;
  set_core_limit(0);
  ::prctl(PR_SET_DUMPABLE, 0);
}

NoDump::~NoDump() {
#if defined(__SANITIZE_ADDRESS__)
  if (on_) ::prctl(PR_SET_DUMPABLE, 1);
#endif
}

void NoDump::lift() {
  if (!on_) return;
  on_ = false;
  ::prctl(PR_SET_DUMPABLE, 1);
  set_core_limit(RLIM_INFINITY);
}

void NoDump::keep() const {
  if (!on_) return;
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace farebox
