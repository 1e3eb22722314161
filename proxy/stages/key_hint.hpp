// A provider that asks for a key tells the client so; the operator gets one log line that
// says what is missing where.
#pragma once

#include "config/base/log.hpp"
#include "proxy/http/head.hpp"
#include "proxy/provider.hpp"

namespace farebox::stages {

// Logs at most one line for each provider and each of the two mistakes: no key at all, and
// a key of api_keys that is refused.
void hint_about_keys(Logger& log, const http::RequestHead& head, int status, Provider& provider);

}  // namespace farebox::stages
