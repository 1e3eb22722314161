#include "proxy/dialect/tool_offers.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "proxy/dialect/body_facts.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr int kMostDepth = 4;  // of lists of tools within tools

// What Anthropic adds for a request with tools and for each tool of its own; the most that
// its pricing page lists is 804 for the first, and 735 (computer), 700 (text editor) for one.
constexpr std::uint64_t kToolPrompt = 1'000;
constexpr std::uint64_t kOwnToolPrompt = 1'000;

enum class Runs : std::uint8_t {
  client,         // its definition is in the body
  client_hinted,  // its definition isn't: the provider adds it
  provider,       // and is billed by the call
  free,           // at the provider, without a fee of its own
  unknown,
};

struct Known {
  std::string_view type;  // with a version behind it, or without
  Runs runs;
  ServerTool tool = ServerTool::web_search;  // of `provider` only
};

// OpenAI (openai-openapi: Tool), Anthropic (anthropic-sdk: ToolUnionParam), xAI, Mistral,
// Gemini's interactions. A type is met by its beginning: their versions are dates.
constexpr Known kTools[] = {
    {"function", Runs::client},
    {"custom", Runs::client},
    {"namespace", Runs::client},
    {"apply_patch", Runs::client_hinted},
    {"local_shell", Runs::client_hinted},
    {"bash", Runs::client_hinted},
    {"text_editor", Runs::client_hinted},
    {"memory", Runs::client_hinted},
    {"computer", Runs::client_hinted},
    {"web_search", Runs::provider, ServerTool::web_search},
    {"google_search", Runs::provider, ServerTool::web_search},
    {"web_fetch", Runs::provider, ServerTool::web_fetch},
    {"file_search", Runs::provider, ServerTool::file_search},
    {"code_interpreter", Runs::provider, ServerTool::code_interpreter},
    {"code_execution", Runs::provider, ServerTool::code_execution},
    {"image_generation", Runs::provider, ServerTool::image_generation},
    {"x_search", Runs::provider, ServerTool::x_search},
    {"live_search", Runs::provider, ServerTool::live_search},
    {"collections_search", Runs::provider, ServerTool::document_search},
    {"document_library", Runs::provider, ServerTool::document_search},
    {"tool_search", Runs::free},
    {"url_context", Runs::free},
};

// Gemini (python-genai: types.Tool) and Bedrock (botocore: Tool) say a tool by a member.
constexpr Known kNamed[] = {
    {"functionDeclarations", Runs::client},
    {"function_declarations", Runs::client},
    {"toolSpec", Runs::client},
    {"cachePoint", Runs::client},
    {"computerUse", Runs::client_hinted},
    {"computer_use", Runs::client_hinted},
    {"googleSearch", Runs::provider, ServerTool::web_search},
    {"google_search", Runs::provider, ServerTool::web_search},
    {"googleSearchRetrieval", Runs::provider, ServerTool::web_search},
    {"google_search_retrieval", Runs::provider, ServerTool::web_search},
    {"enterpriseWebSearch", Runs::provider, ServerTool::web_search},
    {"enterprise_web_search", Runs::provider, ServerTool::web_search},
    {"urlContext", Runs::free},
    {"url_context", Runs::free},
    {"codeExecution", Runs::free},
    {"code_execution", Runs::free},
};

// Members of a definition that the client brings.
constexpr auto kDefinition = std::to_array<std::string_view>({
    "name", "function", "description", "parameters", "input_schema", "strict", "cache_control",
    "parameter_definitions", "custom", "defer_loading", "allowed_callers", "input_examples",
    "eager_input_streaming", "format",
});

// The type itself, or a version of it: "web_search_20250305", "web_search_preview_2025_03_11".
bool is_version_of(std::string_view type, std::string_view known) {
  if (!type.starts_with(known)) return false;
  std::string_view rest = type.substr(known.size());
  for (const std::string_view word : {"_tool_regex", "_tool_bm25", "_use", "_preview", "_premium"}) {
    if (rest.starts_with(word)) rest.remove_prefix(word.size());
  }
  return rest.find_first_not_of("_0123456789") == rest.npos;
}

void offer(const Known& known, std::uint64_t most_uses, BodyReach& reach) {
  switch (known.runs) {
    case Runs::client: break;
    case Runs::client_hinted: reach.added_input_tokens += kOwnToolPrompt; break;
    case Runs::provider:
      reach.tools.offer(known.tool, most_uses);
      if (known.tool == ServerTool::image_generation) reach.answers_in_media = true;
      break;
    case Runs::free: reach.tools.offer_free(most_uses); break;
    case Runs::unknown: reach.unknown_tools = true; break;
  }
}

}  // namespace

void ToolOffers::read_list_at(int depth) {
  const Kind kind = cursor_.kind();
  if (kind == Kind::null || kind == Kind::nothing) return cursor_.skip();
  if (kind != Kind::array || depth >= kMostDepth) {
    reach_.unknown_tools = true;
    return cursor_.skip();
  }
  bool any = false;
  cursor_.each_element([&] {
    any = true;
    read_tool(depth);
  });
  if (any && depth == 0) reach_.added_input_tokens += kToolPrompt;
}

void ToolOffers::read_tool(int depth) {
  Tool tool;
  const bool is_object =
      cursor_.each_member([&](std::string_view key) { read_member(key, tool, depth); });
  if (!is_object) reach_.unknown_tools = true;
  else judge(tool);
}

void ToolOffers::read_member(std::string_view key, Tool& tool, int depth) {
  if (key == "type") {
    if (tool.has_type) judge(tool);  // of two, both
    tool.has_type = true;
    const auto word = cursor_.string();
    tool.type = word && word->raw.size() <= 64 ? word->decoded() : "?";
  } else if (key == "max_uses") {
    tool.most_uses = std::max(tool.most_uses, read_bound(cursor_));
  } else if (key == "search_context_size") {
    const auto word = cursor_.string();
    if (word && word->raw.size() <= 32) search_context_ = word->decoded();
  } else if (key == "tools") {  // of a namespace
    tool.has_definition = true;
    read_list_at(depth + 1);
  } else if (std::find(kDefinition.begin(), kDefinition.end(), key) != kDefinition.end()) {
    tool.has_definition = true;
    cursor_.skip();
  } else if (read_named(key)) {
    tool.named = true;
  } else {
    tool.has_more = true;
  }
}

// A tool that is said by a member. False: no such name.
bool ToolOffers::read_named(std::string_view key) {
  for (const Known& known : kNamed) {
    if (key != known.type) continue;
    if (cursor_.kind() != Kind::null) offer(known, 0, reach_);
    return true;
  }
  return false;
}

void ToolOffers::judge(const Tool& tool) {
  if (!tool.has_type) {
    const bool known = tool.has_definition || (tool.named && !tool.has_more);
    if (!known) reach_.unknown_tools = true;
    return;
  }
  for (const Known& known : kTools) {
    if (is_version_of(tool.type, known.type)) return offer(known, tool.most_uses, reach_);
  }
  reach_.unknown_tools = true;
}

}  // namespace farebox
