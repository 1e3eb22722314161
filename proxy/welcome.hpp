// Welcome: what a person who started farebox on a terminal needs next. Pure.
#pragma once

#include <string>

#include "config/settings.hpp"
#include "proxy/server.hpp"

namespace farebox {

enum class Mode : std::uint8_t { serve, demo };

struct Welcome {
  Mode mode = Mode::serve;
  std::string program = "farebox";  // how it can be called again
  Addresses addresses;              // as bound
};

// The three lines that matter, each to be copied as it stands: a curl that is metered, the
// variables SDKs read, the admin address; and a little around them.
std::string welcome_text(const Welcome& welcome, const Settings& settings);

}  // namespace farebox
