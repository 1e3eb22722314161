// farebox keys: makes, lists, revokes and rotates virtual keys of the running farebox, by its
// admin port; or makes one for a configuration without asking anybody.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/clock.hpp"
#include "config/settings.hpp"
#include "proxy/exit_code.hpp"

namespace farebox {

struct KeysOptions {
  enum class Act : std::uint8_t { create, list, revoke, rotate };
  Act act = Act::list;
  std::string name, org, project, user, expires;             // create
  std::vector<std::string> models, providers, dialects, tags;  // create; a tag is a=b
  bool offline = false;                                      // create
  std::string which;                                         // revoke, rotate: id or name
  std::string overlap = "24h";                               // rotate
  bool json = false;
};

// The body that asks for the key these options describe. Error: a tag that is no a=b.
CommandResult<std::string> key_request_body(const KeysOptions& options);

// What an answer of the admin port says to people. Error: it is no such answer.
Result<std::string> new_key_text(std::string_view body);
Result<std::string> keys_table(std::string_view body);

// Prints and gives the exit code.
int run_keys(const Settings& settings, const KeysOptions& options, const Clock& clock);

}  // namespace farebox
