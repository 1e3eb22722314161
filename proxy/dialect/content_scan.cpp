#include "proxy/dialect/content_scan.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "proxy/dialect/tool_offers.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr int kMostDepth = 24;

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Made by a program, or about the content without being read: text in any case.
constexpr auto kText = std::to_array<std::string_view>({
    "arguments", "args", "input", "parameters", "schema", "input_schema", "response", "json",
    "cache_control", "cachePoint", "annotations", "citations", "logprobs", "metadata", "caller",
    "partial_arguments", "outputs", "usage", "videoMetadata", "video_metadata",
    "mediaResolution", "media_resolution",
});

// Names a place, or holds an object that does.
constexpr auto kPlaces = std::to_array<std::string_view>({
    "url", "uri", "image_url", "imageUrl", "video_url", "audio_url", "file_url", "document_url",
    "image_uri", "fileUri", "file_uri", "gcsUri", "gcs_uri", "gcs_source", "file_data",
    "screenshot",
});

constexpr auto kReferences = std::to_array<std::string_view>({
    "file_id", "fileId", "file_ids", "s3Location", "audio", "container_id", "library_id",
    "cachedContent", "cached_content",
});

constexpr auto kMedia = std::to_array<std::string_view>({
    "bytes", "inlineData", "inline_data", "input_audio", "images", "b64_json", "image_base64",
    "video_base64", "audio_base64", "bytesBase64Encoded", "inputImage",
});

// Members of objects in Google's and Amazon's bodies that mean no more than they say.
constexpr auto kNamed = std::to_array<std::string_view>({
    "role", "parts", "text", "thought", "thoughtSignature", "thought_signature", "functionCall",
    "function_call", "functionResponse", "function_response", "name", "id", "willContinue",
    "will_continue", "scheduling", "executableCode", "executable_code", "language", "code",
    "codeExecutionResult", "code_execution_result", "outcome", "output", "content", "title",
    "taskType", "task_type", "model", "outputDimensionality", "output_dimensionality",
    "fileData", "image", "video", "document", "format", "source", "toolUse", "toolUseId",
    "toolResult", "status", "guardContent", "qualifiers", "reasoningContent", "reasoningText",
    "signature", "redactedContent", "citationsContent", "mimeType", "mime_type", "displayName",
    "display_name", "type", "context", "data", "author", "prompt", "message",
});

constexpr auto kTextTypes = std::to_array<std::string_view>({
    "text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text", "thinking",
    "redacted_thinking", "thought", "tool_use", "tool_result", "tool", "tool_call", "function",
    "function_call", "function_call_output", "function_response", "function_result", "custom",
    "custom_tool_call", "custom_tool_call_output", "message", "document", "search_result",
    "content", "ephemeral", "local_shell_call", "local_shell_call_output", "apply_patch_call",
    "apply_patch_call_output", "reasoning.text", "reasoning.summary", "reasoning.encrypted",
    "user_input", "model_output", "default", "tool_search_call", "tool_search_output",
    "namespace", "additional_tools",
});

// Their place says where the octets are.
constexpr auto kMediaTypes = std::to_array<std::string_view>({
    "image_url", "input_image", "image", "input_audio", "audio", "audio_url", "video",
    "video_url", "input_video", "file", "input_file", "document_url", "file_url", "url",
    "media", "computer_screenshot",
});

bool is_web_place(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://", "gs://", "s3://", "file://"}) {
    if (text.starts_with(scheme)) return true;
  }
  return false;
}

}  // namespace

bool holds_something(JsonCursor& cursor) {
  switch (cursor.kind()) {
    case Kind::string: {
      const auto text = cursor.string();
      return text && !text->raw.empty();
    }
    case Kind::array: {
      bool any = false;
      cursor.each_element([&] { any = true; });
      return any;
    }
    case Kind::boolean: return cursor.boolean().value_or(false);
    case Kind::null:
    case Kind::nothing: cursor.skip(); return false;
    default: cursor.skip(); return true;
  }
}

void ContentScan::scan_value(int depth) {
  if (depth >= kMostDepth) {
    reach_.elsewhere = true;
    return cursor_.skip();
  }
  switch (cursor_.kind()) {
    case Kind::object: return scan_object(depth);
    case Kind::array: cursor_.each_element([&] { scan_value(depth + 1); }); return;
    default: return cursor_.skip();
  }
}

void ContentScan::scan_object(int depth) {
  std::string type;
  bool has_type = false;
  Found found;
  cursor_.each_member([&](std::string_view key) {
    if (key != "type") return scan_member(key, depth, found);
    // A schema's "type" may be a list; content's is one word. Of two, both are judged.
    if (has_type) judge(type, found);
    has_type = true;
    const auto word = cursor_.string();
    type = word && word->raw.size() <= 64 ? word->decoded() : "?";
  });
  if (has_type) judge(type, found);
  else if (parts_ == Parts::named && found.unnamed) reach_.elsewhere = true;
  else if (parts_ == Parts::typed && found.has_id && !found.says) reach_.elsewhere = true;
}

void ContentScan::scan_member(std::string_view key, int depth, Found& found) {
  // OpenAI's Responses take {"id": ...} alone for what they stored.
  if (key != "id" && key != "status" && key != "object") found.says = true;
  // The members of nearly all parts; a text is skipped by the walk.
  if (key == "role" || key == "text") return;
  if (key == "content") {
    const Kind kind = cursor_.kind();
    if (kind != Kind::object && kind != Kind::array) return;
    found.has_content = true;
    return scan_value(depth + 1);
  }
  if (key == "encrypted_content" || key == "signature") {
    found.has_secret = holds_something(cursor_) || found.has_secret;
  } else if (key == "id") {
    found.has_id = holds_something(cursor_) || found.has_id;
  } else if (key == "data") {
    found.data = holds_something(cursor_) || found.data;
  } else if (key == "tools") {
    ToolOffers(cursor_, reach_).read_list();
  } else if (is_one_of(key, kText)) {
    cursor_.skip();
  } else if (is_one_of(key, kPlaces)) {
    const bool known = reach_.media_inline || reach_.elsewhere;
    scan_place_at(depth + 1);
    found.place = found.place || known || reach_.media_inline || reach_.elsewhere;
  } else if (is_one_of(key, kReferences)) {
    if (!holds_something(cursor_)) return;
    found.place = reach_.elsewhere = true;
  } else if (is_one_of(key, kMedia)) {
    if (!holds_something(cursor_)) return;
    found.place = reach_.media_inline = true;
  } else {
    const Kind kind = cursor_.kind();
    const bool nested = kind == Kind::object || kind == Kind::array;
    if (parts_ == Parts::named && kind != Kind::null && !found.unnamed) {
      found.unnamed = !is_one_of(key, kNamed);
    }
    if (nested) {
      const bool known = reach_.media_inline || reach_.elsewhere;
      scan_value(depth + 1);
      // What lies below is the place of a part whose source is an object of its own.
      found.place = found.place || known || reach_.media_inline || reach_.elsewhere;
    } else if (const auto text = cursor_.string(); text && key != "output" && key != "title") {
      // A name we don't know that holds a place.
      if (is_web_place(text->raw)) found.place = reach_.elsewhere = true;
      if (text->raw.starts_with("data:")) found.place = reach_.media_inline = true;
    }
  }
}

void ContentScan::scan_place_at(int depth) {
  if (cursor_.kind() != Kind::string) return scan_value(depth);
  const auto text = cursor_.string();
  if (!text || text->raw.empty()) return;
  // The slash of "data:image/png" may be escaped, what stands before it won't be.
  const bool is_data = text->raw.starts_with("data:") || text->raw.size() > 4096;
  (is_data ? reach_.media_inline : reach_.elsewhere) = true;
}

void ContentScan::judge(std::string_view type, const Found& found) {
  if (type == "text") return;
  if (type == "base64") {
    reach_.media_inline = true;
  } else if (type == "reasoning") {
    // What was thought is known to the server by its id, or comes along.
    if (found.has_id && !found.has_secret && !found.has_content) reach_.elsewhere = true;
  } else if (is_one_of(type, kMediaTypes)) {
    if (found.data) reach_.media_inline = true;
    else if (!found.place) reach_.elsewhere = true;
  } else if (!is_one_of(type, kTextTypes)) {
    reach_.elsewhere = true;
  }
}

}  // namespace farebox
