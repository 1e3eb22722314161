#include "proxy/machine.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

#include "storage/open_tables.hpp"

namespace farebox {
namespace {

constexpr std::size_t kMostWorkersByDefault = 4;
// Descriptors kept for the admin port, the log, the store and what a library opens.
constexpr std::uint64_t kReservedDescriptors = 32;
// What is open at the start, a cache included, and some for what is opened for a moment.
constexpr std::uint64_t kOpenAnyway = 36;
constexpr std::uint64_t kOpenPerWorker = 4;

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
  const std::uint64_t needed = kReservedDescriptors + kOpenPerWorker * workers;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= needed) return std::nullopt;
  return fmt::format("the limit of open files is {}, and {} threads need {} and two for each "
                     "client; raise it (ulimit -n, or LimitNOFILE= of systemd)",
                     limit.rlim_max, workers, needed);
}

// Many are enough for whatever the admin port and the store open. Of few, these two have
// bounds of their own, and what they may take is nobody else's.
DescriptorShares share_descriptors(std::uint64_t limit, std::size_t workers) {
  DescriptorShares shares;
  std::uint64_t reserved = kReservedDescriptors;
  if (limit < kManyFiles) {
    shares.admin = std::max<std::size_t>(limit / 16, 4);
    const std::uint64_t tables = 2 * static_cast<std::uint64_t>(open_tables(limit));  // the ledger's, the cache's
    reserved = kOpenAnyway + kOpenPerWorker * workers + shares.admin + tables;
  }
  std::uint64_t clients = limit > reserved ? (limit - reserved) / 2 : 0;
  clients = std::max<std::uint64_t>(clients, std::max<std::uint64_t>(limit / 16, 1));
  shares.clients = static_cast<std::uint32_t>(std::min<std::uint64_t>(clients, UINT32_MAX));
  return shares;
}

DescriptorShares take_descriptors(std::size_t workers) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return share_descriptors(limit.rlim_cur, workers);
}

void bound_heaps(std::size_t workers) {
  if (std::getenv("MALLOC_ARENA_MAX") != nullptr) return;
  ::mallopt(M_ARENA_MAX, static_cast<int>(workers) + 2);
}

}  // namespace farebox
