// Recorded exchanges with providers and the usage a meter must find in them; the form is
// described in tests/data/recordings/README.md.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/dialect/dialect.hpp"

namespace farebox::testing {

// What the provider's own usage says; nothing where the provider did not say.
struct ExpectedUsage {
  bool found = false;
  std::optional<Tokens> input, cached_input, cache_write, cache_write_1h, output, reasoning;
  std::optional<Tokens> audio_input, audio_output, image_input, image_output, tool_use_input;
  std::optional<Tokens> total;  // the provider's own; all there is for rerankers
  std::optional<std::uint64_t> images, microseconds, web_searches, web_fetches;
  std::optional<std::uint64_t> characters, pages, searches;
  std::optional<std::uint64_t> counted_tokens;    // by a counting endpoint: never usage
  std::optional<std::uint64_t> extra_iterations;  // sub-inferences billed on top
  std::optional<std::uint64_t> cost_ticks;        // xAI: 10^10 are a dollar
  std::optional<std::string> model, finish_reason, service_tier, inference_geo, speed;
  std::optional<std::string> cost, search_context;
  bool has_duration = false;     // the length of what was transcribed is told
  bool error_in_stream = false;  // behind a 200
  std::uint64_t tool_calls = 0;
  std::vector<std::string> error_words;  // any of them may be the error's code; empty: no error
};

struct Recording {
  std::string id;
  std::string provider;
  std::string api;
  std::string framing;
  std::string fidelity;
  bool stream = false;
  std::string method;
  std::string path;  // with the query
  std::string request_content_type;
  std::string request_body;
  std::optional<std::string> request_model;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> reply_headers;
  std::string reply;  // after decompression
  ExpectedUsage expected;

  DialectName dialect() const;
};

// The recordings that the repository holds.
std::vector<Recording> kept_recordings();

// The full set, or none where it is absent: FAREBOX_FACTS_DIR, else beside the checkout.
std::vector<Recording> all_recordings();

}  // namespace farebox::testing
