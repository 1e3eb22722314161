// What nearly every file of the proxy room includes, compiled once.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/event.hpp"
#include "proxy/net.hpp"
