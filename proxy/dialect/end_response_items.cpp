#include "proxy/dialect/end_response_items.hpp"

#include <utility>

#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/stream_end.hpp"

namespace farebox {
namespace {

// Items whose substance is one text (openai-openapi: OutputItem), and the events about it.
struct Argument {
  std::string_view type, member, event;
};
constexpr Argument kArguments[] = {
    {"function_call", "arguments", "response.function_call_arguments"},
    {"custom_tool_call", "input", "response.custom_tool_call_input"},
    {"mcp_call", "arguments", "response.mcp_call_arguments"},
    {"code_interpreter_call", "code", "response.code_interpreter_call_code"},
};

const Argument* argument_of(std::string_view type) {
  for (const Argument& argument : kArguments) {
    if (type == argument.type) return &argument;
  }
  return nullptr;
}

// "response.output_text.delta" and the part that it belongs to.
bool is_of(std::string_view type, std::string_view stem, std::string_view end) {
  return type.size() == stem.size() + end.size() && type.starts_with(stem) && type.ends_with(end);
}

std::string quoted(const std::string& octets) { return "\"" + octets + "\""; }

// A part's text is in "text", a refusal's in "refusal".
std::string_view member_of(std::string_view part) {
  return JsonMembers(part, {"type"}).is("type", "refusal") ? "refusal" : "text";
}

std::string begin_event(std::string_view type, const std::string& id, std::uint64_t index) {
  return "{\"type\":\"" + std::string(type) + "\",\"item_id\":" + (id.empty() ? "null" : id) +
         ",\"output_index\":" + std::to_string(index);
}

}  // namespace

void ResponseEvent::read(std::string_view key, JsonCursor& cursor) {
  const auto object = [&](std::string_view& to) {
    if (cursor.kind() != JsonCursor::Kind::object) return;
    const std::size_t begin = cursor.offset();
    cursor.skip();
    to = cursor.since(begin);
  };
  if (key == "output_index") output_index = cursor.count().value_or(0);
  else if (key == "content_index") content_index = cursor.count().value_or(0);
  else if (key == "summary_index") summary_index = cursor.count().value_or(0);
  else if (key == "item") object(item);
  else if (key == "part") object(part);
  else if (key == "delta") delta = cursor.string().value_or(JsonString{}).raw;
  else if (key == "text" || key == "refusal" || key == "arguments" || key == "input" ||
           key == "code") {
    const auto said = cursor.string();
    has_text = has_text || said.has_value();
    if (said) text = said->raw;
  }
}

void EndResponseItems::take(const ResponseEvent& event) {
  const std::string_view type = event.type;
  if (type == "response.output_item.added") return take_item(event, false);
  if (type == "response.output_item.done") return take_item(event, true);
  const auto known = items_.find(event.output_index);
  if (known == items_.end() || known->second.done) return;
  Item& item = known->second;

  const bool summary = type.starts_with("response.reasoning_summary_");
  auto& parts = summary ? item.summary : item.content;
  const std::uint64_t index = summary ? event.summary_index : event.content_index;
  if (type == "response.content_part.added" || type == "response.reasoning_summary_part.added") {
    Part* const part = part_at(parts, index);
    if (part == nullptr || keep(part->object, event.part)) return;
    const auto kind = JsonMembers(event.part, {"type"}).string("type");
    const bool refusal = kind && kind->raw == "refusal";
    part->object = refusal ? R"({"type":"refusal","refusal":""})" : R"({"type":"output_text"})";
    kept_ += part->object.size();
    return;
  }
  const auto part = parts.find(index);
  if (type == "response.content_part.done" || type == "response.reasoning_summary_part.done") {
    if (part != parts.end()) finish(part->second, event);
    return;
  }
  for (const char* stem : {"response.output_text", "response.refusal", "response.reasoning_text",
                           "response.reasoning_summary_text"}) {
    if (part == parts.end()) break;
    if (is_of(type, stem, ".delta")) return append(part->second.text, event);
    if (is_of(type, stem, ".done")) return finish(part->second.text, event);
  }
  if (const Argument* argument = argument_of(item.type)) {
    if (is_of(type, argument->event, ".delta")) append(item.argument, event);
    else if (is_of(type, argument->event, ".done")) finish(item.argument, event);
  }
}

void EndResponseItems::take_item(const ResponseEvent& event, bool done) {
  Item* item = item_at(event.output_index);
  if (item == nullptr) return;
  const JsonMembers said(event.item, {"id", "type", "status"});
  if (const auto type = said.string("type"); type && type->raw.size() <= 64) item->type = type->raw;
  if (const std::string_view id = said["id"]; id.size() <= 512) item->id = id;
  item->done = done;
  if (done) {
    for (const auto* parts : {&item->content, &item->summary}) {
      for (const auto& [index, part] : *parts) {
        kept_ -= part.object.size() + part.text.octets.size();
      }
    }
    kept_ -= item->argument.octets.size();
    item->content.clear();
    item->summary.clear();
    item->argument = {};
  }
  if (keep(item->object, event.item)) return;
  const std::string id = item->id.empty() ? "null" : item->id;
  item->object = "{\"id\":" + id + ",\"type\":\"" + item->type + "\",\"status\":\"" +
                 (done ? "completed" : "in_progress") + "\"}";
  kept_ += item->object.size();
}

EndResponseItems::Item* EndResponseItems::item_at(std::uint64_t index) {
  if (items_.size() == kMostItems && !items_.contains(index)) {
    whole_ = false;
    return nullptr;
  }
  return &items_[index];
}

EndResponseItems::Part* EndResponseItems::part_at(std::map<std::uint64_t, Part>& parts,
                                                  std::uint64_t index) {
  if (parts.size() == kMostParts && !parts.contains(index)) {
    whole_ = false;
    return nullptr;
  }
  return &parts[index];
}

// Replaces `to`. False, and `to` empty: there is no room.
bool EndResponseItems::keep(std::string& to, std::string_view octets) {
  kept_ -= to.size();
  to.clear();
  if (kept_ + octets.size() > StreamEnd::kMostText) return false;
  to = octets;
  kept_ += to.size();
  return true;
}

void EndResponseItems::append(Text& text, const ResponseEvent& event) {
  text.cut = text.cut || kept_ + event.delta.size() > StreamEnd::kMostText;
  if (text.cut) return;
  text.octets += event.delta;
  kept_ += event.delta.size();
}

void EndResponseItems::finish(Text& text, const ResponseEvent& event) {
  text.done = true;
  // What was streamed is the same; a server that streams nothing says it only here.
  if (text.octets.empty() && event.has_text) keep(text.octets, event.text);
}

// Its last event has the whole of it, annotations too.
void EndResponseItems::finish(Part& part, const ResponseEvent& event) {
  part.done = true;
  if (event.part.empty()) return;
  std::string octets = std::exchange(part.text.octets, {});
  kept_ -= octets.size();
  if (kept_ - part.object.size() + event.part.size() <= StreamEnd::kMostText) {
    keep(part.object, event.part);
    return;
  }
  kept_ += octets.size();
  part.text.octets = std::move(octets);
}

std::string EndResponseItems::as_it_is(const Part& part) {
  if (part.text.octets.empty()) return part.object;
  const std::string text = quoted(part.text.octets);
  const Replacement changes[] = {{member_of(part.object), text}};
  return with_members(part.object, changes);
}

std::string EndResponseItems::as_it_is(const Item& item) const {
  if (item.done) return item.object;
  const auto listed = [](const std::map<std::uint64_t, Part>& parts) {
    std::string list = "[";
    for (const auto& [index, part] : parts) {
      if (list.size() > 1) list += ',';
      list += as_it_is(part);
    }
    return list += ']';
  };
  const JsonMembers had(item.object, {"status"});
  const Argument* argument = argument_of(item.type);
  const std::string content = listed(item.content);
  const std::string summary = listed(item.summary);
  const std::string text = quoted(item.argument.octets);
  std::vector<Replacement> changes;
  if (had.has("status")) changes.emplace_back("status", "\"incomplete\"");
  if (!item.content.empty()) changes.emplace_back("content", content);
  if (!item.summary.empty()) changes.emplace_back("summary", summary);
  if (argument != nullptr && !item.argument.octets.empty()) {
    changes.emplace_back(argument->member, text);
  }
  return with_members(item.object, changes);
}

void EndResponseItems::close_parts(const Item& item, std::uint64_t index, bool summary,
                                   EndEvents& out) const {
  const std::string place = summary ? ",\"summary_index\":" : ",\"content_index\":";
  for (const auto& [number, part] : summary ? item.summary : item.content) {
    if (part.done) continue;
    const std::string at = place + std::to_string(number);
    const std::string_view member = member_of(part.object);
    const bool output = JsonMembers(part.object, {"type"}).is("type", "output_text");
    const std::string stem = summary               ? "response.reasoning_summary_text"
                             : member == "refusal" ? "response.refusal"
                             : output              ? "response.output_text"
                                                   : "response.reasoning_text";
    if (!part.text.done) {
      std::string text = begin_event(stem + ".done", item.id, index) + at + ",\"" +
                         std::string(member) + "\":" + quoted(part.text.octets);
      if (output) text += ",\"logprobs\":[]";
      out.push_back({stem + ".done", text + "}"});
    }
    const std::string done = summary ? "response.reasoning_summary_part.done"
                                     : "response.content_part.done";
    out.push_back({done, begin_event(done, item.id, index) + at + ",\"part\":" + as_it_is(part) +
                             "}"});
  }
}

void EndResponseItems::close(EndEvents& out) const {
  for (const auto& [index, item] : items_) {
    if (item.done) continue;
    close_parts(item, index, true, out);
    close_parts(item, index, false, out);
    const Argument* argument = argument_of(item.type);
    if (argument != nullptr && !item.argument.done) {
      const std::string done = std::string(argument->event) + ".done";
      std::string event = begin_event(done, item.id, index) + ",\"" +
                          std::string(argument->member) + "\":" + quoted(item.argument.octets);
      out.push_back({done, event + "}"});
    }
    const std::string done = "response.output_item.done";
    out.push_back({done, "{\"type\":\"" + done + "\",\"output_index\":" + std::to_string(index) +
                             ",\"item\":" + as_it_is(item) + "}"});
  }
}

std::string EndResponseItems::list() const {
  std::string list = "[";
  for (const auto& [index, item] : items_) {
    if (list.size() > 1) list += ',';
    list += as_it_is(item);
  }
  return list += ']';
}

}  // namespace farebox
