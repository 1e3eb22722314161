#include "proxy/dialect/openai_paths.hpp"

#include <array>

#include "proxy/dialect/request_path.hpp"
#include "proxy/http/head.hpp"

namespace farebox {
namespace {

using Segments = std::span<const std::string>;
using http::equals_ignoring_case;

struct Row {
  std::string_view pattern;
  Endpoint endpoint;
};

// What a POST on exactly this path does.
constexpr std::array kCreates = {
    Row{"chat/completions", Endpoint::chat_completions},
    Row{"extensions/chat/completions", Endpoint::chat_completions},  // Azure, older versions
    Row{"completions", Endpoint::completions},
    Row{"responses", Endpoint::responses},
    Row{"responses/compact", Endpoint::responses},
    Row{"responses/input_tokens", Endpoint::count_tokens},
    Row{"embeddings", Endpoint::embeddings},
    Row{"images/generations", Endpoint::images},
    Row{"images/edits", Endpoint::images},
    Row{"images/variations", Endpoint::images},
    Row{"audio/transcriptions", Endpoint::transcriptions},
    Row{"audio/translations", Endpoint::translations},
    Row{"audio/speech", Endpoint::speech},
    Row{"moderations", Endpoint::moderations},
    // Anthropic's API as vLLM, Ollama and others serve it.
    Row{"messages", Endpoint::messages},
    Row{"messages/count_tokens", Endpoint::count_tokens},
    // vLLM.
    Row{"tokenize", Endpoint::count_tokens},
    Row{"detokenize", Endpoint::count_tokens},
};

// Heads of paths that a request never bills by itself: what they bill, they bill later, for
// work that no single request carries (batches, runs, training, storage).
constexpr std::array<std::string_view, 16> kPassed = {
    "models",      "files",         "uploads",       "batches",      "fine_tuning", "fine-tunes",
    "fine_tunes",  "assistants",    "threads",       "vector_stores", "conversations", "skills",
    "organization", "projects",     "traces",        "dashboard",
};

// Heads whose POST may bill in a way no reply tells (containers, video, realtime sessions,
// graders): only reading, cancelling and deleting pass as known.
constexpr std::array<std::string_view, 11> kReadOnly = {
    "chat",      "completions", "responses", "embeddings", "images",   "audio",
    "containers", "evals",      "videos",    "messages",   "chatkit",
};

// A version never stands behind one of these: what looks like one there is a name.
bool is_head(const std::string& segment) {
  if (equals_ignoring_case(segment, "deployments")) return true;
  if (equals_ignoring_case(segment, "engines")) return true;
  for (const Row& row : kCreates) {
    if (equals_ignoring_case(segment, row.pattern.substr(0, row.pattern.find('/')))) return true;
  }
  for (const std::string_view head : kPassed) {
    if (equals_ignoring_case(segment, head)) return true;
  }
  return false;
}

// Takes off what servers put before the API's own paths: "v1", "openai/v1", "api/v1",
// "api/paas/v4", "compatible-mode/v1" ..., and a doubled version.
Segments without_prefix(Segments segments) {
  for (std::size_t i = 0; i < segments.size() && i < 4; ++i) {
    if (is_version(segments[i])) {
      segments = segments.subspan(i + 1);
      break;
    }
    if (is_head(segments[i])) break;
  }
  while (!segments.empty() && is_version(segments[0])) segments = segments.subspan(1);
  for (const std::string_view word : {"openai", "api", "beta", "anthropic"}) {
    if (segments.size() > 1 && equals_ignoring_case(segments[0], word)) {
      segments = segments.subspan(1);
    }
  }
  return segments;
}

}  // namespace

bool reads_body(Endpoint endpoint) { return is_metered(endpoint); }

Route recognise_openai(std::string_view method, Segments segments) {
  Route route;
  // Azure: deployments/{deployment}/...; very old OpenAI: engines/{model}/...
  Segments rest = without_prefix(segments);
  if (rest.size() > 2 && (equals_ignoring_case(rest[0], "deployments") ||
                          equals_ignoring_case(rest[0], "engines"))) {
    route.model = rest[1];
    rest = rest.subspan(2);
  }
  // Azure AI Foundry: models/chat/completions.
  const bool post = method == "POST";
  if (post && rest.size() > 1 && equals_ignoring_case(rest[0], "models")) rest = rest.subspan(1);
  if (rest.empty()) return {};

  if (post) {
    for (const Row& row : kCreates) {
      if (!matches(rest, row.pattern)) continue;
      route.endpoint = row.endpoint;
      route.reads_body = reads_body(row.endpoint);
      return route;
    }
  }
  for (const std::string_view head : kPassed) {
    if (equals_ignoring_case(rest[0], head)) route.endpoint = Endpoint::passthrough;
  }
  for (const std::string_view head : kReadOnly) {
    if (!equals_ignoring_case(rest[0], head)) continue;
    const bool cancels = equals_ignoring_case(rest.back(), "cancel");
    const bool updates_stored = matches(rest.first(rest.size() - 1), "chat/completions");
    if (!post || cancels || updates_stored) route.endpoint = Endpoint::passthrough;
  }
  return route.endpoint == Endpoint::unknown ? Route{} : route;
}

}  // namespace farebox
