// The paths of every family, and of one family's at another's provider: many providers
// serve several APIs side by side (Ollama: its own, OpenAI's and Anthropic's).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/dialect/dialect.hpp"

namespace farebox {

using Segments = std::span<const std::string>;

// What a path means at a provider of the dialect `own`: its own API first, but for what
// only another one can mean. A path that nobody knows is Endpoint::unknown.
Route recognise_path(DialectName own, std::string_view method, std::string_view path);

Route recognise_anthropic(std::string_view method, Segments segments);
Route recognise_gemini(std::string_view method, Segments segments);
Route recognise_cohere(std::string_view method, Segments segments);
Route recognise_mistral(std::string_view method, Segments segments);
Route recognise_ollama(std::string_view method, Segments segments);

// ".../models/{model}:{verb}" and its kin; Gemini's and Vertex's alone.
Route recognise_gemini_verb(std::string_view method, Segments segments);

// A route to a known endpoint that names no model.
Route known_route(Endpoint endpoint);

}  // namespace farebox
