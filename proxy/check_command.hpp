// farebox check: is this configuration good, and what does it say?
#pragma once

#include <string>

#include "config/load.hpp"

namespace farebox {

struct CheckOptions {
  bool json = false;  // JSON on a terminal too
};

// Every problem as a line on standard error.
void print_problems(const LoadResult& result);

// Problems as lines on standard error; on standard output a summary for people, or JSON
// where that is no terminal. Gives the exit code, 0 or 78.
int run_check(const LoadResult& result, const CheckOptions& options);

// Pure. The summary is of a configuration without errors.
std::string check_text(const Settings& settings);
std::string check_json(const LoadResult& result);

}  // namespace farebox
