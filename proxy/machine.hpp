// What the machine gives: threads and descriptors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config/settings.hpp"

namespace farebox {

// As many as the settings say, or as there are cores that may be used, within reason.
std::size_t worker_count(const Settings& settings);

// Takes all the descriptors the system allows, and says how many clients that is:
// every stream needs two.
std::uint32_t clients_by_descriptors();

}  // namespace farebox
