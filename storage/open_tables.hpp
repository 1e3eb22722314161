// How many tables each database keeps open: few where few files may be open.
#pragma once

#include <algorithm>
#include <cstdint>

namespace farebox {

// From here on nobody has to share.
inline constexpr std::uint64_t kManyFiles = 4'096;

// `most_files`: the hard limit of open files (RLIMIT_NOFILE). RocksDB takes no less than 20.
inline int open_tables(std::uint64_t most_files) {
  if (most_files >= kManyFiles) return 256;
  return static_cast<int>(std::max<std::uint64_t>(most_files / 32, 20));
}

}  // namespace farebox
