// SmallFile: the files a configuration is made of, read whole and bounded.
//
// An Error's context is "why; how to mend", without the path, which the environment
// may have filled in.
#pragma once

#include <string>
#include <vector>

#include "config/base/result.hpp"
#include "config/base/secret.hpp"

namespace farebox {

// At most `max_octets`; more is an error.
Result<std::string> read_small_file(const std::string& path, std::size_t max_octets);

// May this process read it? For files whose content is needed later.
Result<void> check_readable(const std::string& path);

// Secrets that stand in a file of their own instead of in the configuration.
struct SecretFile {
  std::vector<Secret> lines;    // without blank ones and without white space around
  bool open_to_others = false;  // its mode lets every user of this machine in
};
Result<SecretFile> read_secret_file(const std::string& path);

}  // namespace farebox
