#include "proxy/dialect/reach_walk.hpp"

#include <algorithm>
#include <array>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/tool_offers.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What the model reads lies at the provider, or somewhere in the web.
constexpr auto kReferences = std::to_array<std::string_view>({
    "previous_response_id", "previous_interaction_id", "conversation", "conversation_id",
    "thread_id", "assistant_id", "cachedContent", "cached_content", "agent_id", "agent", "file",
    "file_id", "file_ids", "files", "data_sources", "dataSources", "vector_store_ids",
    "promptVariables", "preset", "input_file_id", "library_ids", "prompt_id",
});

// Something that runs at the provider, of which a request doesn't say what it costs.
constexpr auto kServices = std::to_array<std::string_view>({
    "plugins", "connectors", "mcp_servers", "mcpServers", "container", "retrieval",
    "enable_search", "search_options", "skills",
});

// The provider may answer with one of these in the model's place.
constexpr auto kOtherModels = std::to_array<std::string_view>({"models", "fallbacks", "preset"});

// Objects and lists that no model reads, or as no more than their octets.
constexpr auto kHarmless = std::to_array<std::string_view>({
    "response_format", "responseFormat", "text", "stream_options", "tool_choice", "toolChoice",
    "logit_bias", "stop", "stop_sequences", "stopSequences", "safetySettings", "safety_settings",
    "options", "format", "output_config", "output_format", "outputConfig", "guardrailConfig",
    "cache_control", "include", "provider", "reasoning", "function_call", "functions", "audio",
    "embedding_types", "context", "template", "additionalModelResponseFieldPaths",
    "performanceConfig", "serviceTier", "prompt_cache_options", "transforms", "usage",
    "embeddingConfig", "textToImageParams", "imageGenerationConfig", "modelArmorConfig",
    "chat_template_kwargs", "query", "voice", "moderation", "documents", "citations",
});

Parts parts_of(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::generate_content:
    case Endpoint::embed_content:
    case Endpoint::predict:
    case Endpoint::converse:
    case Endpoint::invoke: return Parts::named;
    default: return Parts::typed;
  }
}

// Endpoints whose bodies list things to work on, one answer for each.
bool works_on_lists(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::completions:
    case Endpoint::embeddings:
    case Endpoint::embed:
    case Endpoint::embed_content:
    case Endpoint::predict:
    case Endpoint::rerank:
    case Endpoint::classify:
    case Endpoint::generate: return true;
    default: return false;
  }
}

constexpr auto kLists = std::to_array<std::string_view>({
    "prompt", "input", "inputs", "texts", "requests", "instances", "documents",
});

bool answers_prompts(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::embeddings:
    case Endpoint::embed:
    case Endpoint::embed_content:
    case Endpoint::rerank:
    case Endpoint::classify:
    case Endpoint::images:
    case Endpoint::speech:
    case Endpoint::ocr:
    case Endpoint::predictions: return false;
    default: return true;
  }
}

// The system prompt that a chat template brings (gpt-oss: about 70 tokens); the octets of a very
// short body don't pay for it.
constexpr std::uint64_t kTemplatePrompt = 100;
// Grok's own system prompt: 687 tokens for "Who are you" of Grok 4, 199 of Grok 4.3 (recorded).
constexpr std::uint64_t kGrokPrompt = 1'000;

}  // namespace

ReachWalk::ReachWalk(const Route& route, JsonCursor& cursor, BodyFacts& facts)
    : route_(route),
      cursor_(cursor),
      facts_(facts),
      reach_(facts.reach),
      parts_(parts_of(route.endpoint)) {}

void ReachWalk::read(std::string_view key) {
  // Of most bodies nearly all octets are here, and nearly all members numbers.
  if (key == "messages" || key == "contents") {
    return ContentScan(cursor_, reach_, parts_).scan();
  }
  switch (cursor_.kind()) {
    case Kind::null: return;
    case Kind::number:
      if (!read_tools(key)) read_output(key);
      return;
    default: break;
  }
  if (read_reference(key) || read_tools(key) || read_output(key) || read_scope(key) ||
      read_inputs(key) || is_one_of(key, kHarmless)) {
    return;
  }
  if (key == "anthropic_beta") {
    cursor_.each_element([&] {
      const auto word = cursor_.string();
      if (word && word->raw.starts_with(kLongContextBeta)) reach_.long_context = true;
    });
    return;
  }
  if (key == "image" || key == "images" || key == "mask" || key == "video" ||
      key == "inputImage") {
    const bool counted = works_on_lists(route_.endpoint) && route_.endpoint != Endpoint::generate;
    std::uint64_t count = 0;
    const auto scan = [&] { ContentScan(cursor_, reach_, parts_).scan_place(); };
    if (cursor_.kind() != Kind::array) return scan();
    cursor_.each_element([&] {
      ++count;
      scan();
    });
    if (counted) reach_.inputs = std::max(reach_.inputs, count);
    return;
  }
  // What isn't known may be read by a model, if it can hold more than a word.
  const Kind kind = cursor_.kind();
  if (kind == Kind::object || kind == Kind::array) ContentScan(cursor_, reach_, parts_).scan();
}

void ReachWalk::finish() {
  if (!answers_prompts(route_.endpoint)) return;
  const std::string& model = route_.model.empty() ? facts_.model : route_.model;
  const bool grok = model.find("grok") != model.npos || reach_.other_models;
  reach_.added_input_tokens += grok ? kGrokPrompt : kTemplatePrompt;
}

bool ReachWalk::read_reference(std::string_view key) {
  const bool other = is_one_of(key, kOtherModels);
  const bool service = is_one_of(key, kServices);
  const bool reference = is_one_of(key, kReferences);
  const bool stored_prompt =
      key == "prompt" && cursor_.kind() == Kind::object && route_.endpoint == Endpoint::responses;
  if (!other && !service && !reference && !stored_prompt) return false;
  if (!holds_something(cursor_)) return true;
  if (other) reach_.other_models = true;
  if (service) reach_.unknown_tools = true;
  if (reference || stored_prompt) reach_.elsewhere = true;
  return true;
}

bool ReachWalk::read_tools(std::string_view key) {
  if (key == "tools") {
    ToolOffers offers(cursor_, reach_);
    offers.read_list();
    if (!offers.search_context().empty()) facts_.search_context = offers.search_context();
  } else if (key == "toolConfig" || key == "tool_config") {
    read_tool_config();
  } else if (key == "web_search_options") {
    if (cursor_.kind() == Kind::null) return true;
    reach_.tools.offer(ServerTool::web_search, 0);
    cursor_.each_member([&](std::string_view inner) {
      if (inner != "search_context_size") return;
      const auto word = cursor_.string();
      if (word && word->raw.size() <= 32) facts_.search_context = word->decoded();
    });
  } else if (key == "search_parameters") {  // xAI: billed by the source that is used
    if (cursor_.kind() == Kind::null) return true;
    std::uint64_t most = 0;
    cursor_.each_member([&](std::string_view inner) {
      if (inner == "max_search_results") most = std::max(most, read_bound(cursor_));
    });
    reach_.tools.offer(ServerTool::live_search, most);
  } else if (key == "max_tool_calls") {
    reach_.tools.bound_all(read_bound(cursor_));
  } else if (key == "context_management" || key == "contextManagement") {
    read_context_management();
  } else {
    return false;
  }
  return true;
}

// Bedrock's list of tools; Gemini's toolConfig has none.
void ReachWalk::read_tool_config() {
  cursor_.each_member([&](std::string_view key) {
    if (key == "tools") ToolOffers(cursor_, reach_).read_list();
  });
}

// Anthropic's edits that clear take away; a compaction is a call of its own (billed on top), at
// OpenAI too.
void ReachWalk::read_context_management() {
  const auto look = [&](std::string_view key) {
    if (key != "type") return;
    const auto type = cursor_.string();
    if (!type || !type->raw.starts_with("clear_")) reach_.unknown_tools = true;
  };
  if (cursor_.kind() == Kind::array) {
    cursor_.each_element([&] { cursor_.each_member(look); });
    return;
  }
  cursor_.each_member([&](std::string_view key) {
    if (key != "edits") return;
    cursor_.each_element([&] { cursor_.each_member(look); });
  });
}

bool ReachWalk::read_output(std::string_view key) {
  if (key == "modalities" || key == "responseModalities" || key == "response_modalities") {
    read_modalities();
  } else if (key == "prediction") {
    read_prediction();
  } else if (key == "thinking" || key == "thinkingConfig" || key == "thinking_config" ||
             key == "reasoning" || key == "reasoning_config" || key == "reasoningConfig") {
    read_thinking();
  } else if (key == "thinking_budget") {
    reach_.reasoning_budget = std::max(reach_.reasoning_budget, read_bound(cursor_));
  } else {
    return false;
  }
  return true;
}

void ReachWalk::read_modalities() {
  cursor_.each_element([&] {
    const auto word = cursor_.string();
    if (!word || (word->raw != "text" && word->raw != "TEXT")) reach_.answers_in_media = true;
  });
}

void ReachWalk::read_prediction() {
  const std::size_t start = cursor_.offset();
  cursor_.skip();
  const std::uint64_t octets = cursor_.offset() - start;
  if (octets > 4) reach_.predicted_octets += octets;  // more than null
}

// Anthropic thinking.budget_tokens, Gemini thinkingConfig.thinkingBudget, OpenRouter
// reasoning.max_tokens, Cohere thinking.token_budget.
void ReachWalk::read_thinking() {
  cursor_.each_member([&](std::string_view key) {
    if (key == "budget_tokens" || key == "thinkingBudget" || key == "thinking_budget" ||
        key == "max_tokens" || key == "token_budget" || key == "budgetTokens") {
      reach_.reasoning_budget = std::max(reach_.reasoning_budget, read_bound(cursor_));
    }
  });
}

bool ReachWalk::read_scope(std::string_view key) {
  if (key == "user") {
    read_said(facts_.said.user);
  } else if (key == "safety_identifier") {  // follows `user`, which is deprecated
    if (facts_.said.user.empty()) read_said(facts_.said.user);
  } else if (key == "metadata" || key == "requestMetadata" || key == "labels") {
    read_metadata();
  } else {
    return false;
  }
  return true;
}

void ReachWalk::read_said(std::string& to) {
  const auto text = cursor_.string();
  if (!text || text->raw.size() > 6 * SaidScope::kMostUser) return;
  std::string said = text->decoded();
  if (!said.empty() && said.size() <= SaidScope::kMostUser) to = std::move(said);
}

void ReachWalk::read_metadata() {
  auto& pairs = facts_.said.metadata;
  const bool anthropic = route_.endpoint == Endpoint::messages;
  bool user_seen = false;
  cursor_.each_member([&](std::string_view key) {
    if (anthropic) {
      if (key != "user_id") return;
      if (user_seen) repeated_ = key;
      user_seen = true;
      return read_said(facts_.said.user);
    }
    const auto text = cursor_.string();
    if (!text || key.size() > SaidScope::kMostKey || pairs.size() == SaidScope::kMostPairs) return;
    if (text->raw.size() > 6 * SaidScope::kMostValue) return;
    std::string value = text->decoded();
    if (value.size() > SaidScope::kMostValue) return;
    for (const auto& [name, unused] : pairs) {
      if (name == key) repeated_ = key;
    }
    pairs.emplace_back(key, std::move(value));
  });
}

// Lists of what is to be worked on: how many there are, and what they refer to. A list of
// numbers is one prompt in tokens.
bool ReachWalk::read_inputs(std::string_view key) {
  if (!works_on_lists(route_.endpoint) || !is_one_of(key, kLists)) return false;
  if (cursor_.kind() != Kind::array) {
    ContentScan(cursor_, reach_, parts_).scan();
    return true;
  }
  std::uint64_t count = 0;
  cursor_.each_element([&] {
    const Kind kind = cursor_.kind();
    if (kind == Kind::number) {
      count = std::max<std::uint64_t>(count, 1);
      return cursor_.skip();
    }
    ++count;
    ContentScan(cursor_, reach_, parts_).scan();
  });
  reach_.inputs = std::max(reach_.inputs, count);
  return true;
}

}  // namespace farebox
