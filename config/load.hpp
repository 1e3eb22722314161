// Load: from what the operator says (file, environment, command line) to Settings.
//
// Every mistake is collected, not only the first one, as "what, why; how to mend"
// with its file and line; nothing throws. The order of the calls, and of what wins:
//
//   LoadResult result = load_file(path, environment);   // or defaults(environment)
//   apply(command_line, "command line", result);
//   check_whole(result);                                // rules that see the final values
//   if (!result.ok()) ...                               // exit 78, to_line of every error
//
// Settings are only for use when ok(): what was refused has its default value.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"
#include "config/environment.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

namespace farebox {

struct LoadResult {
  Settings settings;
  std::vector<ConfigProblem> errors, warnings;

  Place whole;  // the file itself, for messages about what it lacks
  // Where each key was said: "listen", "providers.openai.pool.max".
  std::map<std::string, Place, std::less<>> places;
  // Variables whose values became secrets: see hide_variables.
  std::set<std::string, std::less<>> secret_variables;

  bool ok() const { return errors.empty(); }
};

// `text` is the YAML, `file` its name for messages. Relative *_file paths are
// relative to the directory of the process. The FAREBOX_ variables that override
// keys are already applied to the result of these three.
LoadResult load_text(std::string_view text, const std::string& file,
                     const Environment& environment);

// A file that can't be read is one error, at its line 1.
LoadResult load_file(const std::string& path, const Environment& environment);

// No configuration file: the three public providers, the callers' own keys.
LoadResult defaults(const Environment& environment);

// One budget, as an entry of `budgets` has it, in YAML or JSON; `settings` say which providers
// there are. Nothing is read from the environment. Error: bad_request; its context is the
// first thing to mend.
Result<BudgetSettings> load_budget(std::string_view map, const Settings& settings);

// What stands above the file: first the environment, then the command line.
struct Overrides {
  std::optional<std::string> listen, admin_listen, data_dir, log_level, log_format;
};

// `source_name` stands in messages instead of a file: "command line".
void apply(const Overrides& overrides, std::string_view source_name, LoadResult& result);

// Rules between several keys, and which proxy each provider is reached through. Call it
// once, after every override.
void check_whole(LoadResult& result);

}  // namespace farebox
