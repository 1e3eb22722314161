#include "proxy/dialect/body_walk.hpp"

#include <algorithm>

#include "proxy/dialect/body_facts.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr BodyKey kOllamaOptionKeys[] = {{"num_predict"}};
constexpr BodyKey kBedrockMaxima[] = {{"maxTokens", "max_new_tokens"}, {"maxTokenCount"}};
constexpr BodyKey kGenerationKeys[] = {
    {"maxOutputTokens", "max_output_tokens"}, {"candidateCount", "candidate_count"},
};
constexpr BodyKey kStreamOptionKeys[] = {{"include_usage"}};

void read_model(JsonCursor& cursor, std::string& model) {
  const auto text = cursor.string();
  if (text && text->raw.size() <= kMaxModel) model = text->decoded();
}

// A word of a small vocabulary; anything longer is none of it.
void read_word(JsonCursor& cursor, std::string& word) {
  const auto text = cursor.string();
  if (text && text->raw.size() <= 32) word = text->decoded();
}

// Every octet of UTF-8 but the continuations begins one.
std::uint64_t code_points(const JsonString& text) {
  const auto begins = [](char octet) { return (static_cast<unsigned char>(octet) & 0xc0) != 0x80; };
  const auto count = [&](std::string_view utf8) {
    return static_cast<std::uint64_t>(std::count_if(utf8.begin(), utf8.end(), begins));
  };
  return text.escaped ? count(text.decoded()) : count(text.raw);
}

}  // namespace

bool BodyWalk::run() {
  cursor_.each_member([&](std::string_view key) {
    ++members_;
    keys_.see(key);
    read_member(key);
  });
  note(keys_);
  reach_.finish();
  return cursor_.at_end();
}

void BodyWalk::read_member(std::string_view key) {
  if (key == "model") {
    read_model(cursor_, facts_.model);
  } else if (key == "stream") {
    // null is no answer: Ollama's default stands.
    const bool unless_said = speaks_ollama(route_) && cursor_.kind() == Kind::null;
    facts_.stream = cursor_.boolean().value_or(unless_said);
  } else if (key == "stream_format") {  // speech
    const auto format = cursor_.string();
    facts_.stream = facts_.stream || (format && format->raw == "sse");
  } else if (read_bound_of(key)) {
    return;
  } else if (key == "stream_options") {
    read_stream_options();
  } else if (!read_config(key)) {
    const std::size_t value = cursor_.offset();
    read_by_endpoint(key);
    if (cursor_.offset() != value) return;
    if (facts_.odd_key.empty() && !spelled_otherwise(route_, key).empty()) facts_.odd_key = key;
    reach_.read(key);
  }
}

// The maxima and the number of answers, in all their top-level spellings.
bool BodyWalk::read_bound_of(std::string_view key) {
  if (is_maximum(route_, key)) {
    take_bound();
  } else if (key == "n" || key == "best_of" || key == "numResults" || key == "num_generations") {
    facts_.choices = std::max(facts_.choices, read_bound(cursor_));
  } else {
    return false;
  }
  return true;
}

// Objects that hold maxima.
bool BodyWalk::read_config(std::string_view key) {
  switch (route_.endpoint) {
    case Endpoint::generate_content:
    case Endpoint::embed_content:
    case Endpoint::interactions:
      if (key != "generationConfig" && key != "generation_config") return false;
      read_generation_config();
      return true;
    case Endpoint::converse:
    case Endpoint::invoke:
      if (key == "inferenceConfig" || key == "textGenerationConfig") read_bedrock_config();
      else if (key == "additionalModelRequestFields") read_model_fields();
      else return false;
      return true;
    case Endpoint::conversations:
      if (key != "completion_args") return false;
      read_completion_args();
      return true;
    case Endpoint::chat:
    case Endpoint::generate:
      if (key != "options" || !speaks_ollama(route_)) return false;
      read_ollama_options();
      return true;
    default: return false;
  }
}

// Mistral.
void BodyWalk::read_completion_args() {
  cursor_.each_member([&](std::string_view key) {
    if (key == "max_tokens") take_bound();
  });
}

// Converse's way to say what only the model's own body knows: thinking, tools of Anthropic.
void BodyWalk::read_model_fields() {
  cursor_.each_member([&](std::string_view key) {
    if (!read_bound_of(key)) reach_.read(key);
  });
}

// Keys that mean something to one API only.
void BodyWalk::read_by_endpoint(std::string_view key) {
  switch (route_.endpoint) {
    case Endpoint::images:
      if (key == "size") read_word(cursor_, facts_.size);
      else if (key == "quality") read_word(cursor_, facts_.quality);
      break;
    case Endpoint::speech:
      if (key != "input" && key != "text") break;
      if (const auto text = cursor_.string()) facts_.characters = code_points(*text);
      break;
    case Endpoint::ocr:
      if (key == "bbox_annotation_format" || key == "document_annotation_format") {
        facts_.annotates = facts_.annotates || cursor_.kind() == Kind::object;
      }
      break;
    case Endpoint::generate:  // watsonx
      if (key == "model_id") read_model(cursor_, facts_.model);
      else if (key == "parameters") read_parameters();
      else if (key == "num_generations") facts_.choices = std::max(facts_.choices, read_bound(cursor_));
      break;
    case Endpoint::predict:
      if (key == "parameters") read_parameters();
      break;
    default: break;
  }
}

// watsonx: max_new_tokens; Vertex's images: sampleCount and their size.
void BodyWalk::read_parameters() {
  cursor_.each_member([&](std::string_view key) {
    if (key == "max_new_tokens" || key == "maxOutputTokens") {
      take_bound();
    } else if (key == "sampleCount" || key == "candidateCount") {
      facts_.choices = std::max(facts_.choices, read_bound(cursor_));
    } else if (key == "sampleImageSize") {
      read_word(cursor_, facts_.size);
    }
  });
}

void BodyWalk::read_ollama_options() {
  KeyWatch watch(kOllamaOptionKeys);
  cursor_.each_member([&](std::string_view key) {
    watch.see(key);
    // -1 and -2 are "no bound" and "fill the context".
    if (key == "num_predict") take_bound();
  });
  note(watch);
}

void BodyWalk::read_bedrock_config() {
  KeyWatch watch(kBedrockMaxima);
  cursor_.each_member([&](std::string_view key) {
    watch.see(key);
    if (key == "maxTokens" || key == "max_new_tokens" || key == "maxTokenCount") {
      take_bound();
    }
  });
  note(watch);
}

void BodyWalk::read_stream_options() {
  options_seen_ = true;
  if (cursor_.kind() != Kind::object) return;
  options_at_ = cursor_.offset() + 1;
  KeyWatch watch(kStreamOptionKeys);
  cursor_.each_member([&](std::string_view key) {
    ++options_members_;
    watch.see(key);
    if (key != "include_usage") return;
    include_usage_seen_ = true;
    facts_.asks_usage = cursor_.boolean().value_or(false);
  });
  note(watch);
}

void BodyWalk::read_generation_config() {
  KeyWatch watch(kGenerationKeys);
  cursor_.each_member([&](std::string_view key) {
    watch.see(key);
    if (key == "maxOutputTokens" || key == "max_output_tokens") {
      take_bound();
    } else if (key == "candidateCount" || key == "candidate_count") {
      facts_.choices = std::max(facts_.choices, read_bound(cursor_));
    } else {
      reach_.read_output(key);
    }
  });
  note(watch);
}

}  // namespace farebox
