#include "proxy/memory_ceiling.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

#include "proxy/dialect/kept_text.hpp"

namespace farebox {
namespace {

constexpr std::chrono::milliseconds kTrimEvery{1'000};

std::uint64_t limit_in(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text)) return 0;
  return parse_memory_limit(text);
}

std::uint64_t smaller(std::uint64_t a, std::uint64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

// The limit of every cgroup from ours up to the root holds; the tightest one counts. A
// container sees its own cgroup as the root.
std::uint64_t tightest(std::string root, std::string path, const char* file) {
  std::uint64_t limit = 0;
  while (true) {
    limit = smaller(limit, limit_in(root + path + "/" + file));
    if (path.empty()) return limit;
    path.erase(path.rfind('/'));
  }
}

}  // namespace

std::uint64_t parse_memory_limit(std::string_view text) {
  constexpr std::uint64_t kNone = 1ull << 60;
  std::uint64_t limit = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
  return parsed.ec != std::errc() || limit >= kNone ? 0 : limit;
}

std::uint64_t cgroup_memory_limit() {
  std::ifstream file("/proc/self/cgroup");  // cgroups(7): number:controllers:path
  std::uint64_t limit = 0;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    if (controllers.empty()) limit = smaller(limit, tightest("/sys/fs/cgroup", path, "memory.max"));
    if (controllers == "memory") {
      limit = smaller(limit, tightest("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

std::uint64_t resident_memory() {
  static const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  char text[128];
  const ssize_t got = file < 0 ? -1 : ::pread(file, text, sizeof text, 0);
  if (got <= 0) return 0;
  const std::string_view line(text, static_cast<std::size_t>(got));
  const std::size_t blank = line.find(' ');  // proc(5): size resident ...
  std::uint64_t pages = 0;
  if (blank != line.npos) std::from_chars(line.data() + blank + 1, line.data() + line.size(), pages);
  return pages * page;
}

void MemoryCeiling::look(SteadyTime now, std::uint64_t said, std::uint64_t buffered) {
  if (!due(now)) return;
  static const std::uint64_t by_cgroup = cgroup_memory_limit() / 10 * 9;
  const std::uint64_t ceiling = said != 0 ? said : by_cgroup;
  KeptText::share(ceiling == 0 ? KeptText::kMostOfAll
                               : std::min<std::uint64_t>(KeptText::kMostOfAll, ceiling / 8));
  if (ceiling == 0 && mark_.load(std::memory_order_relaxed) == 0) return;
  // It takes milliseconds where much is free, so not at every look.
  static std::atomic<SteadyTime::rep> next_trim{0};
  if (shedding() && now.time_since_epoch().count() >= next_trim.load(std::memory_order_relaxed)) {
    next_trim.store((now + kTrimEvery).time_since_epoch().count(), std::memory_order_relaxed);
    ::malloc_trim(0);
  }
  note(resident_memory(), ceiling, buffered);
}

}  // namespace farebox
