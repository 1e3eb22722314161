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
    // vLLM; rerankers everywhere (Voyage, Jina, OpenRouter, Together ...).
    Row{"tokenize", Endpoint::count_tokens},
    Row{"detokenize", Endpoint::count_tokens},
    Row{"rerank", Endpoint::rerank},
    Row{"score", Endpoint::rerank},
    Row{"classify", Endpoint::classify},
    Row{"pooling", Endpoint::embeddings},
    // Voyage.
    Row{"multimodalembeddings", Endpoint::embeddings},
    Row{"contextualizedembeddings", Endpoint::embeddings},
    // Mistral, which has more of them at its own dialect.
    Row{"fim/completions", Endpoint::chat_completions},
    Row{"agents/completions", Endpoint::chat_completions},
    Row{"ocr", Endpoint::ocr},
    // Writer; Perplexity; xAI; Databricks; Snowflake.
    Row{"chat", Endpoint::chat_completions},
    Row{"async/chat/completions", Endpoint::chat_completions},
    Row{"stt", Endpoint::transcriptions},
    Row{"tts", Endpoint::speech},
    Row{"invocations", Endpoint::chat_completions},
    Row{"inference:complete", Endpoint::chat_completions},
    Row{"inference:embed", Endpoint::embeddings},
    // IBM watsonx, now and as it began.
    Row{"text/chat", Endpoint::chat_completions},
    Row{"text/chat_stream", Endpoint::chat_completions},
    Row{"text/generation", Endpoint::generate},
    Row{"text/generation_stream", Endpoint::generate},
    Row{"generation/text", Endpoint::generate},
    Row{"generation/text_stream", Endpoint::generate},
    Row{"text/embeddings", Endpoint::embeddings},
    Row{"text/rerank", Endpoint::rerank},
    Row{"text/tokenization", Endpoint::count_tokens},
    // Text Generation Inference and the llama.cpp server; Text Embeddings Inference.
    Row{"generate", Endpoint::generate},
    Row{"generate_stream", Endpoint::generate},
    Row{"completion", Endpoint::generate},
    Row{"infill", Endpoint::generate},
    Row{"embed", Endpoint::embed},
    // Replicate.
    Row{"predictions", Endpoint::predictions},
};

// Heads of paths that a request never bills by itself: what they bill, they bill later, for
// work that no single request carries (batches, runs, training, storage).
constexpr std::array<std::string_view, 16> kPassed = {
    "models",      "files",         "uploads",       "batches",      "fine_tuning", "fine-tunes",
    "fine_tunes",  "assistants",    "threads",       "vector_stores", "conversations", "skills",
    "organization", "projects",     "traces",        "dashboard",
};

// Heads whose POST may bill in a way no reply tells (containers, video, realtime sessions,
// graders): only reading, cancelling and deleting pass as known. The last ones are read from
// OpenRouter, DeepSeek, vLLM and others about the account or the server.
constexpr std::array<std::string_view, 24> kReadOnly = {
    "chat",      "completions", "responses", "embeddings",  "images",  "audio",
    "containers", "evals",      "videos",    "messages",    "chatkit", "predictions",
    "generation", "credits",    "key",       "keys",        "providers", "user",
    "health",     "ping",       "version",   "metrics",     "async",   "info",
};

template <class Heads>
bool has_head(const Heads& heads, std::string_view segment) {
  for (const std::string_view head : heads) {
    if (equals_ignoring_case(segment, head)) return true;
  }
  return false;
}

bool begins_row(std::string_view segment) {
  for (const Row& row : kCreates) {
    if (equals_ignoring_case(segment, row.pattern.substr(0, row.pattern.find('/')))) return true;
  }
  return false;
}

// A version never stands behind one of these: what looks like one there is a name.
bool is_head(std::string_view segment) {
  return equals_ignoring_case(segment, "deployments") || equals_ignoring_case(segment, "engines") ||
         begins_row(segment) || has_head(kPassed, segment);
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

const Row* row_of(Segments segments) {
  for (const Row& row : kCreates) {
    if (matches(segments, row.pattern)) return &row;
  }
  return nullptr;
}

// A gateway's own words may stand before a path: "serving-endpoints/chat/completions",
// "cortex/v1/chat/completions", "{owner}/{model}/predictions". How many they are, when the
// path behind them is known; else the number of all segments.
std::size_t words_before(Segments segments) {
  constexpr std::size_t kMostWords = 8;
  for (std::size_t i = 0; i < segments.size() && i <= kMostWords; ++i) {
    if (row_of(segments.subspan(i)) != nullptr) return i;
    if (has_head(kPassed, segments[i]) || has_head(kReadOnly, segments[i])) break;
  }
  return segments.size();
}

// The model that the words before a path name: Databricks' serving endpoint, the owner and
// name of a model at Replicate.
std::string model_in(Segments words, Endpoint endpoint) {
  if (endpoint == Endpoint::predictions && words.size() >= 2) {
    return words[words.size() - 2] + "/" + words.back();
  }
  const bool endpoints = !words.empty() && equals_ignoring_case(words[0], "serving-endpoints");
  return endpoints && words.size() == 2 ? words[1] : std::string();
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
    const std::size_t words = words_before(rest);
    if (words < rest.size()) {
      const Row& row = *row_of(rest.subspan(words));
      route.endpoint = row.endpoint;
      route.takes_maximum = row.pattern != "responses/compact";
      if (route.model.empty()) route.model = model_in(rest.first(words), route.endpoint);
      route.reads_body = reads_body(route.endpoint);
      route.stream = rest.back().ends_with("_stream");  // watsonx
      return route;
    }
  }
  if (has_head(kPassed, rest[0])) route.endpoint = Endpoint::passthrough;
  if (has_head(kReadOnly, rest[0])) {
    const bool cancels = equals_ignoring_case(rest.back(), "cancel");
    const bool updates_stored = matches(rest.first(rest.size() - 1), "chat/completions");
    if (!post || cancels || updates_stored) route.endpoint = Endpoint::passthrough;
  }
  return route.endpoint == Endpoint::unknown ? Route{} : route;
}

}  // namespace farebox
