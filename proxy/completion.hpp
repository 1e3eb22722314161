// Completion: scripts for shells, made from the tree of commands. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farebox {

// What stands behind an option, or where a command takes a word.
struct CompletionValue {
  enum class Kind : std::uint8_t { none, text, file, directory, choice };
  Kind kind = Kind::none;
  std::vector<std::string> choices;  // with Kind::choice
};

struct CompletionOption {
  std::vector<std::string> names;  // "--help", "-h"
  std::string what;
  CompletionValue value;  // none: a flag
};

struct CompletionCommand {
  std::string name;
  std::string what;
  std::vector<CompletionOption> options;
  CompletionValue word;  // what it takes without an option
  std::vector<CompletionCommand> commands;
};

enum class Shell : std::uint8_t { bash, zsh, fish };

// A script that the shell sources or loads. The root's name is the program's.
std::string completion_script(const CompletionCommand& root, Shell shell);

}  // namespace farebox
