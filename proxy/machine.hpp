// What the machine gives: threads and descriptors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "config/settings.hpp"

namespace farebox {

// As many as the settings say, or as there are cores that may be used, within reason.
std::size_t worker_count(const Settings& settings);

// Why so many workers can't serve with the descriptors that the system allows; nothing: they can.
std::optional<std::string> too_few_descriptors(std::size_t workers);

// Who may have how many of the descriptors.
struct DescriptorShares {
  std::uint32_t clients = UINT32_MAX;  // every stream needs two
  std::size_t admin = 256;             // connections of the admin port
};
DescriptorShares share_descriptors(std::uint64_t limit, std::size_t workers);

// Takes all the descriptors the system allows, and shares them out.
DescriptorShares take_descriptors(std::size_t workers);

// Malloc keeps a heap for each of some threads, and each heap keeps the most it ever needed: no
// more of them than workers and two for the other threads. Before threads start;
// MALLOC_ARENA_MAX in the environment goes before it.
void bound_heaps(std::size_t workers);

}  // namespace farebox
