// What chat and responses have in common: content, choices and formats.
#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/prompt_walks.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

// chat: {"image_url":{"url":"...","detail":"low"}}; responses: {"image_url":"...","detail":..}.
void walk_image(const JsonMembers& part, PromptTally& tally) {
  const std::string_view image = part["image_url"];
  const JsonMembers inner(image, {"url", "detail"});
  const JsonMembers& said = inner.whole() ? inner : part;
  const auto url = inner.whole() ? inner.string("url") : part.string("image_url");
  tally.image(url ? url->raw : std::string_view(),
              said.is("detail", "low") ? ImageDetail::low : ImageDetail::high);
}

void add_text(const std::optional<JsonString>& text, ContentOf of, PromptTally& tally) {
  if (!text) return;
  if (of == ContentOf::result) {
    tally.result_text(*text);
  } else {
    tally.text(*text);
  }
}

void walk_part(std::string_view value, ContentOf of, PromptTally& tally) {
  const JsonMembers part(value, {"type", "text", "refusal", "image_url", "detail"});
  const auto type = part.string("type");
  const std::string_view name = type ? type->raw : std::string_view();
  if (name == "text" || name == "input_text" || name == "output_text") {
    add_text(part.string("text"), of, tally);
  } else if (name == "refusal") {
    add_text(part.string("refusal"), of, tally);
  } else if (name == "image_url" || name == "input_image") {
    walk_image(part, tally);
  } else {
    tally.doubt(PromptDoubt::unread);  // audio, files, what may come
  }
}

}  // namespace

void walk_content(std::string_view content, ContentOf of, PromptTally& tally) {
  switch (json_kind(content)) {
    case Kind::nothing: break;
    case Kind::string: add_text(JsonCursor(content).string(), of, tally); break;
    case Kind::array:
      each_value(content, [&](std::string_view part) { walk_part(part, of, tally); });
      break;
    default: tally.doubt(PromptDoubt::unread);
  }
}

void walk_choice(std::string_view tool_choice, PromptTally& tally) {
  const JsonMembers choice(tool_choice, {"type", "name", "function"});
  if (!choice.whole() || choice.is("type", "allowed_tools")) return;
  const JsonMembers function(choice["function"], {"name"});
  const auto name = function.whole() ? function.string("name") : choice.string("name");
  if (name) tally.named_choice(*name);
}

void walk_format(std::string_view format, PromptTally& tally) {
  // chat: {"type":"json_schema","json_schema":{"name":..}}; responses: without the inner object.
  const JsonMembers outer(format, {"type", "json_schema", "name", "description", "schema"});
  if (!outer.is("type", "json_schema")) return;  // text and json_object add nothing
  const JsonMembers inner(outer["json_schema"], {"name", "description", "schema"});
  const JsonMembers& said = inner.whole() ? inner : outer;
  tally.format(said.string("name").value_or(JsonString{}),
               said.string("description").value_or(JsonString{}), said["schema"]);
}

PromptTally::Role prompt_role(std::string_view role) {
  if (role == "system" || role == "developer") return PromptTally::Role::system;
  if (role == "assistant") return PromptTally::Role::assistant;
  return PromptTally::Role::other;
}

}  // namespace farebox
