// ConfigProblem: one thing an operator has to mend, said in one line.
//
// Every text has the shape "what, why; how to mend" and never holds a secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace farebox {

// Where something was said.
struct Place {
  std::string file;     // a file's name, or "environment", "command line"
  int line = 0;         // from 1; 0: it was not said in a file
  bool broken = false;  // what was said there was refused, so its field has the default
};

struct ConfigProblem {
  std::string file;
  int line = 0;
  std::string text;
  bool warning = false;
};

// "file:line: text" or "file:line: warning: text", in exactly one line whatever
// the text holds. Without a line (environment, command line): "environment: text".
std::string to_line(const ConfigProblem& problem);

// What was found so far; reading goes on after an error so that all are shown.
struct Problems {
  std::vector<ConfigProblem> errors, warnings;

  void error(const Place& place, std::string text);
  void warn(const Place& place, std::string text);
};

// Those without a line come last.
void sort_by_line(std::vector<ConfigProblem>& problems);

// A value as messages show it: quoted, shortened, without what a URL may hide
// before its @ or behind its ?.
std::string in_quotes(std::string_view value);

// The same for a key. {token:abc} without a space after the colon is a key, and
// what follows the colon may be a secret.
std::string key_in_quotes(std::string_view key);

}  // namespace farebox
