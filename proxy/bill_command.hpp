// farebox bill: the arithmetic of a bill, line by line, for anybody who wants to check it.
//
// Of a provider's reply as it came, or of the golden files of tests/golden, which say what
// the bill must be. Nothing is served and nothing is asked over the network.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace farebox {

struct BillOptions {
  std::vector<std::string> files;   // none or "-": standard input
  std::string provider = "openai";  // of a plain reply: the name a configuration gives it
  std::string model;                // where the reply names none
  std::string path;                 // of the request; empty: the provider's chat
  bool json = false;                // JSON on a terminal too
};

// Prints a table on a terminal, else JSON. Gives the exit code: 0, 65 when a golden bill
// differs or a file can't be understood, 74 when it can't be read.
int run_bill(const Settings& settings, const BillOptions& options);

}  // namespace farebox
