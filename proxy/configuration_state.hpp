// What an audit record says of a configuration: JSON.
#pragma once

#include <string>

namespace farebox {

struct Configuration;

// What others may see of it, and would ask for afterwards: who is paid, what may be spent, who
// may call. Nothing that is a secret or holds one.
std::string configuration_state(const Configuration& configuration);

}  // namespace farebox
