#include "proxy/dialect/anthropic_usage.hpp"

#include <algorithm>

namespace farebox {
namespace {

// False: something was said, but it is no count (negative, fractional ...), and nothing
// better is known.
bool merge_count(JsonCursor& cursor, std::optional<Tokens>& into) {
  const bool said = cursor.kind() != JsonCursor::Kind::null;
  if (const auto count = cursor.count()) into = count;
  return into || !said;
}

void merge_text(JsonCursor& cursor, std::string& into) {
  if (const auto text = cursor.string()) into = text->decoded();
}

}  // namespace

void AnthropicUsage::merge(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "input_tokens") {
      merge_count(cursor, input);
    } else if (key == "output_tokens") {
      // The first event says a few, the last one all: when that is no count, nobody knows.
      if (cursor.kind() != JsonCursor::Kind::null) output = cursor.count();
    } else if (key == "cache_read_input_tokens") {
      if (!merge_count(cursor, cache_read)) cache_unusable_ = true;
    } else if (key == "cache_creation_input_tokens") {
      if (!merge_count(cursor, cache_write)) cache_unusable_ = true;
    } else if (key == "cache_creation") {
      cursor.each_member([&](std::string_view inner) {
        if (inner == "ephemeral_1h_input_tokens") merge_part(cursor, cache_write_1h);
        else if (inner == "ephemeral_5m_input_tokens") merge_part(cursor, cache_write_5m);
      });
    } else if (key == "output_tokens_details") {
      cursor.each_member([&](std::string_view inner) {
        if (inner == "thinking_tokens") merge_part(cursor, thinking);
      });
    } else if (key == "server_tool_use") {
      merge_tools(cursor);
    } else if (key == "service_tier") {
      merge_text(cursor, service_tier);
    } else if (key == "inference_geo") {
      merge_text(cursor, inference_geo);
    } else if (key == "speed") {
      merge_text(cursor, speed);
    } else if (key == "iterations") {
      if (cursor.kind() == JsonCursor::Kind::array) merge_iterations(cursor);
    }
  });
}

void AnthropicUsage::merge_part(JsonCursor& cursor, std::optional<Tokens>& into) {
  if (!merge_count(cursor, into)) part_unusable_ = true;
}

// Calls of server tools; what their results hold is in the input already.
void AnthropicUsage::merge_tools(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "web_search_requests") {
      tools.say(ServerTool::web_search, cursor.count(part_unusable_));
    } else if (key == "web_fetch_requests") {
      tools.say(ServerTool::web_fetch, cursor.count(part_unusable_));
    } else if (key == "code_execution_requests") {
      tools.say(ServerTool::code_execution, cursor.count(part_unusable_));
    }
  });
}

// `message` and `fallback_message` iterations are inside the top-level counts; every other
// kind (`compaction`, `advisor_message` with a model of its own) is billed on top.
void AnthropicUsage::merge_iterations(JsonCursor& cursor) {
  extras.clear();
  extras_unusable_ = false;
  cursor.each_element([&] {
    std::string type, model;
    AnthropicUsage counts;
    const std::size_t start = cursor.offset();
    JsonCursor again = cursor;  // the same object twice: for its name, then for its counts
    cursor.each_member([&](std::string_view key) {
      if (key == "type") merge_text(cursor, type);
      else if (key == "model") merge_text(cursor, model);
    });
    if (cursor.offset() == start || type.empty() || type == "message") return;
    if (type == "fallback_message") {
      if (!model.empty()) serving_model = model;
      return;
    }
    counts.merge(again);
    // Billed, but nobody knows how much: the whole is not known then.
    if (!counts.input || !counts.output || counts.cache_unusable_) extras_unusable_ = true;
    part_unusable_ = part_unusable_ || counts.part_unusable_;
    UsageExtra extra;
    extra.type = std::move(type);
    extra.model = std::move(model);
    extra.cached_input = counts.cache_read.value_or(0);
    extra.cache_write = counts.all_cache_writes();
    extra.cache_write_1h = std::min(counts.cache_write_1h.value_or(0), extra.cache_write);
    extra.input = counts.input.value_or(0) + extra.cached_input + extra.cache_write;
    extra.output = counts.output.value_or(0);
    extras.push_back(std::move(extra));
  });
}

bool AnthropicUsage::put_into(Usage& usage) const {
  usage.service_tier = service_tier;
  usage.inference_geo = inference_geo;
  usage.speed = speed;
  usage.extras = extras;
  usage.unusable_part = part_unusable_;
  tools.put_into(usage);
  if (!input || !output || cache_unusable_ || extras_unusable_) return false;
  usage.cached_input = cache_read.value_or(0);
  usage.cache_write = all_cache_writes();
  usage.cache_write_1h = cache_write_1h.value_or(0);
  usage.input = *input + usage.cached_input + usage.cache_write;
  usage.output = *output;
  usage.reasoning = thinking.value_or(0);
  usage.source = UsageSource::reported;
  return true;
}

}  // namespace farebox
