// The paths of OpenAI's API and of those who serve it under another prefix (openai-openapi,
// openapi.yaml; openai-python lib/azure.py). Azure, Gemini and Anthropic serve parts of it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/dialect/dialect.hpp"

namespace farebox {

Route recognise_openai(std::string_view method, std::span<const std::string> segments);

// Does policy want to see the request's body there?
bool reads_body(Endpoint endpoint);

}  // namespace farebox
