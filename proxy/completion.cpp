#include "proxy/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <map>

namespace farebox {
namespace {

using Kind = CompletionValue::Kind;

// A command and where it stands: "" for the program, " ledger verify".
struct Placed {
  std::string at;
  const CompletionCommand* command;
};

void place(const CompletionCommand& command, const std::string& at, std::vector<Placed>& out) {
  out.push_back({at, &command});
  for (const CompletionCommand& each : command.commands) place(each, at + " " + each.name, out);
}

std::vector<Placed> all_of(const CompletionCommand& root) {
  std::vector<Placed> placed;
  place(root, "", placed);
  return placed;
}

// In single quotes, as bash and zsh read them; fish takes \' instead.
std::string quoted(std::string_view text, std::string_view quote = "'\\''") {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += quote;
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string for_fish(std::string_view text) { return quoted(text, "\\'"); }

// "' serve'|' ledger verify'": every place a command may lead to.
std::string places(const std::vector<Placed>& placed, std::string_view between) {
  std::vector<std::string> words;
  for (const Placed& each : placed) {
    if (!each.at.empty()) words.push_back(quoted(each.at));
  }
  return fmt::format("{}", fmt::join(words, between));
}

// For bash and zsh: one branch for each way to complete a value, "'at:option'|..." before
// it. The order of a map is as good as any.
std::string value_branches(const std::vector<Placed>& placed, std::string_view open,
                           const std::function<std::string(const CompletionValue&)>& act) {
  std::map<std::string, std::vector<std::string>> branches;
  for (const Placed& each : placed) {
    for (const CompletionOption& option : each.command->options) {
      if (option.value.kind == Kind::none) continue;
      for (const std::string& name : option.names) {
        branches[act(option.value)].push_back(quoted(each.at + ":" + name));
      }
    }
  }
  std::string out;
  for (const auto& [action, patterns] : branches) {
    out += fmt::format("    {}{}) {}; return ;;\n", open, fmt::join(patterns, "|"), action);
  }
  return out;
}

std::string bash_value(const CompletionValue& value) {
  switch (value.kind) {
    case Kind::file: return "compopt -o filenames 2>/dev/null; _farebox_say -f";
    case Kind::directory: return "compopt -o filenames 2>/dev/null; _farebox_say -d";
    case Kind::choice:
      return fmt::format("_farebox_say -W {}", quoted(fmt::format("{}", fmt::join(value.choices, " "))));
    default: return "COMPREPLY=()";
  }
}

std::string bash_script(const CompletionCommand& root) {
  const std::vector<Placed> placed = all_of(root);
  std::string out = fmt::format(R"(# bash completion for {0}, made by: {0} completion bash
# Load it with: source <({0} completion bash)
_farebox_say() {{ mapfile -t COMPREPLY < <(compgen "$@" -- "${{COMP_WORDS[COMP_CWORD]}}"); }}
_farebox() {{
  local previous="${{COMP_WORDS[COMP_CWORD-1]}}" at="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at ${{COMP_WORDS[i]}}" in
      {1}) at="$at ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$at:$previous" in
{2}  esac
  case "$at" in
)",
                                root.name, places(placed, "|"),
                                value_branches(placed, "", bash_value));
  for (const Placed& each : placed) {
    std::vector<std::string> words = each.command->word.choices;
    for (const CompletionCommand& command : each.command->commands) words.push_back(command.name);
    for (const CompletionOption& option : each.command->options) {
      words.insert(words.end(), option.names.begin(), option.names.end());
    }
    const bool directory = each.command->word.kind == Kind::directory;
    out += fmt::format("    {}) _farebox_say {}-W {} ;;\n", quoted(each.at), directory ? "-d " : "",
                       quoted(fmt::format("{}", fmt::join(words, " "))));
  }
  return out + fmt::format("  esac\n}}\ncomplete -F _farebox {}\n", root.name);
}

std::string zsh_value(const CompletionValue& value) {
  switch (value.kind) {
    case Kind::file: return "_files";
    case Kind::directory: return "_files -/";
    case Kind::choice: return fmt::format("compadd -- {}", fmt::join(value.choices, " "));
    default: return "_message value";
  }
}

std::string zsh_script(const CompletionCommand& root) {
  const std::vector<Placed> placed = all_of(root);
  std::string out = fmt::format(R"(#compdef {0}
# zsh completion for {0}, made by: {0} completion zsh
# Load it with: source <({0} completion zsh), or as a file _{0} in a directory of $fpath
_farebox() {{
  local at="" word
  local -a commands options
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$at $word" in
      ({1}) at="$at $word" ;;
    esac
  done
  case "$at:${{words[CURRENT-1]}}" in
{2}  esac
  case "$at" in
)",
                                root.name, places(placed, "|"),
                                value_branches(placed, "(", zsh_value));
  for (const Placed& each : placed) {
    std::string commands, options;
    for (const std::string& choice : each.command->word.choices) commands += " " + quoted(choice);
    for (const CompletionCommand& command : each.command->commands) {
      commands += " " + quoted(command.name + ":" + command.what);
    }
    for (const CompletionOption& option : each.command->options) {
      for (const std::string& name : option.names) options += " " + quoted(name + ":" + option.what);
    }
    out += fmt::format("    ({})\n      commands=({} )\n      options=({} )\n", quoted(each.at),
                       commands, options);
    if (each.command->word.kind == Kind::directory) out += "      _files -/\n";
    out += "      ;;\n";
  }
  return out + fmt::format(R"(  esac
  (( $#commands )) && _describe -t commands command commands
  (( $#options )) && _describe -o -t options option options
}}
if [ "$funcstack[1]" = _{0} ]; then _farebox "$@"; else compdef _farebox {0}; fi
)",
                           root.name);
}

std::string fish_value(const CompletionValue& value) {
  switch (value.kind) {
    case Kind::none: return "";
    case Kind::file: return " -r -F";
    case Kind::directory: return " -x -a '(__fish_complete_directories)'";
    case Kind::choice: return fmt::format(" -x -a '{}'", fmt::join(value.choices, " "));
    case Kind::text: break;
  }
  return " -x";
}

std::string fish_option(const CompletionOption& option) {
  std::string out;
  for (const std::string& name : option.names) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  return out + fish_value(option.value) + " -d " + for_fish(option.what);
}

std::string fish_script(const CompletionCommand& root) {
  const std::vector<Placed> placed = all_of(root);
  std::string out = fmt::format(R"(# fish completion for {0}, made by: {0} completion fish
# Load it with: {0} completion fish | source
function __farebox_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
            case {1}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c {0} -f
)",
                                root.name, places(placed, " "));
  for (const Placed& each : placed) {
    const std::string here =
        fmt::format("complete -c {} -n \"__farebox_at '{}'\"", root.name, each.at);
    for (const CompletionCommand& command : each.command->commands) {
      out += fmt::format("{} -a {} -d {}\n", here, command.name, for_fish(command.what));
    }
    for (const std::string& choice : each.command->word.choices) {
      out += fmt::format("{} -a {}\n", here, choice);
    }
    if (each.command->word.kind == Kind::directory) {
      out += here + " -a '(__fish_complete_directories)'\n";
    }
    for (const CompletionOption& option : each.command->options) {
      out += here + fish_option(option) + "\n";
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const CompletionCommand& root, Shell shell) {
  switch (shell) {
    case Shell::bash: return bash_script(root);
    case Shell::zsh: return zsh_script(root);
    case Shell::fish: return fish_script(root);
  }
  return "";
}

}  // namespace farebox
