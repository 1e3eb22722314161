#include "proxy/machine.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

namespace farebox {
namespace {

constexpr std::size_t kMostWorkersByDefault = 4;
// Descriptors kept for the admin port, the log, the store and what a library opens.
constexpr std::uint64_t kReservedDescriptors = 32;
// Its loop's three and where it listens.
constexpr std::uint64_t kDescriptorsOfAWorker = 4;

}  // namespace

std::size_t worker_count(const Settings& settings) {
  if (settings.threads != 0) return settings.threads;
  cpu_set_t usable;
  CPU_ZERO(&usable);
  std::size_t cores = 1;
  if (::sched_getaffinity(0, sizeof usable, &usable) == 0) {
    cores = static_cast<std::size_t>(CPU_COUNT(&usable));
  }
  return std::clamp<std::size_t>(cores, 1, kMostWorkersByDefault);
}

std::optional<std::string> too_few_descriptors(std::size_t workers) {
  rlimit limit{};
  const std::uint64_t needed = kReservedDescriptors + kDescriptorsOfAWorker * workers;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= needed) return std::nullopt;
  return fmt::format("the limit of open files is {}, and {} threads need {} and two for each "
                     "client; raise it (ulimit -n, or LimitNOFILE= of systemd)",
                     limit.rlim_max, workers, needed);
}

std::uint32_t clients_by_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return UINT32_MAX;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t usable =
      limit.rlim_cur > kReservedDescriptors ? (limit.rlim_cur - kReservedDescriptors) / 2 : 1;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(usable, UINT32_MAX));
}

void bound_heaps(std::size_t workers) {
  if (std::getenv("MALLOC_ARENA_MAX") != nullptr) return;
  ::mallopt(M_ARENA_MAX, static_cast<int>(workers) + 2);
}

}  // namespace farebox
