#include "proxy/dialect/body_facts.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>
#include <string>

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/multipart.hpp"
#include "proxy/dialect/octet_scan.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::size_t kMaxModel = 1024;  // a longer name is nobody's model

// The keys that policy reads, each in all its spellings. A name's place is its bit.
struct Key {
  std::string_view name;
  std::string_view twin = {};  // protobuf's JSON takes snake_case too
};

constexpr Key kOpenAiKeys[] = {
    {"model"}, {"stream"}, {"max_tokens"}, {"max_completion_tokens"}, {"max_output_tokens"},
    {"n"}, {"tools"}, {"stream_options"}, {"best_of"}, {"stream_format"},
};
constexpr Key kOllamaKeys[] = {{"model"}, {"stream"}, {"options"}, {"tools"}};
constexpr Key kOllamaOptionKeys[] = {{"num_predict"}};
constexpr Key kAnthropicKeys[] = {
    {"model"}, {"stream"}, {"max_tokens"}, {"max_tokens_to_sample"}, {"tools"},
};
constexpr Key kGeminiKeys[] = {
    {"model"}, {"stream"}, {"contents"}, {"tools"},
    {"generationConfig", "generation_config"},
    {"cachedContent", "cached_content"},
    {"systemInstruction", "system_instruction"},
};
// Converse, and the bodies of InvokeModel's families: each spells its maximum in its own way.
constexpr Key kBedrockKeys[] = {
    {"inferenceConfig"}, {"textGenerationConfig"}, {"max_tokens"}, {"max_tokens_to_sample"},
    {"max_gen_len"}, {"maxTokens"}, {"tools"}, {"toolConfig"}, {"n"}, {"numResults"},
    {"num_generations"},
};
constexpr Key kBedrockMaxima[] = {{"maxTokens", "max_new_tokens"}, {"maxTokenCount"}};
constexpr Key kGenerationKeys[] = {
    {"maxOutputTokens", "max_output_tokens"}, {"candidateCount", "candidate_count"},
};
constexpr Key kStreamOptionKeys[] = {{"include_usage"}};

// Remembers which of the keys came, and which came twice.
class KeyWatch {
 public:
  explicit KeyWatch(std::span<const Key> keys) : keys_(keys) {}

  void see(std::string_view name) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (name != keys_[i].name && (keys_[i].twin.empty() || name != keys_[i].twin)) continue;
      const std::uint32_t bit = 1u << i;
      if ((seen_ & bit) != 0 && repeated_.empty()) repeated_ = keys_[i].name;
      seen_ |= bit;
      return;
    }
  }
  std::string_view repeated() const { return repeated_; }

 private:
  std::span<const Key> keys_;
  std::uint32_t seen_ = 0;
  std::string_view repeated_;
};

// Ollama's own API, whose calls stream unless they say no.
bool speaks_ollama(const Route& route) {
  return route.speaks == DialectName::ollama &&
         (route.endpoint == Endpoint::chat || route.endpoint == Endpoint::generate);
}

std::span<const Key> keys_of(const Route& route) {
  if (speaks_ollama(route)) return kOllamaKeys;
  switch (route.endpoint) {
    case Endpoint::messages:
    case Endpoint::complete: return kAnthropicKeys;
    case Endpoint::generate_content:
    case Endpoint::embed_content:
    case Endpoint::interactions: return kGeminiKeys;
    case Endpoint::converse:
    case Endpoint::invoke: return kBedrockKeys;
    default: return kOpenAiKeys;
  }
}

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

// One walk over a JSON body.
class BodyWalk {
 public:
  BodyWalk(const Route& route, std::string_view text)
      : route_(route), cursor_(text), keys_(keys_of(route)) {}

  // False: not valid JSON.
  bool run(BodyFacts& facts);

  std::string_view repeated() const { return repeated_; }
  bool empty_object() const { return members_ == 0; }
  // The object behind "stream_options", if it is one.
  bool has_options() const { return options_seen_; }
  std::size_t options_at() const { return options_at_; }
  bool options_empty() const { return options_members_ == 0; }
  bool says_include_usage() const { return include_usage_seen_; }

 private:
  void read_member(std::string_view key, BodyFacts& facts);
  void read_stream_options(BodyFacts& facts);
  void read_generation_config(BodyFacts& facts);
  void read_by_endpoint(std::string_view key, BodyFacts& facts);
  void read_search_options(BodyFacts& facts);
  void read_parameters(BodyFacts& facts);
  void read_ollama_options(BodyFacts& facts);
  void read_bedrock_config(BodyFacts& facts);
  void note(const KeyWatch& watch) {
    if (repeated_.empty()) repeated_ = watch.repeated();
  }

  const Route& route_;
  JsonCursor cursor_;
  KeyWatch keys_;
  std::string_view repeated_;
  std::size_t members_ = 0;
  std::size_t options_at_ = std::string_view::npos;
  std::size_t options_members_ = 0;
  bool options_seen_ = false;
  bool include_usage_seen_ = false;
};

bool BodyWalk::run(BodyFacts& facts) {
  cursor_.each_member([&](std::string_view key) {
    ++members_;
    keys_.see(key);
    read_member(key, facts);
  });
  note(keys_);
  return cursor_.at_end();
}

void BodyWalk::read_member(std::string_view key, BodyFacts& facts) {
  if (key == "model") {
    read_model(cursor_, facts.model);
  } else if (key == "stream") {
    // null is no answer: Ollama's default stands.
    const bool unless_said = speaks_ollama(route_) && cursor_.kind() == Kind::null;
    facts.stream = cursor_.boolean().value_or(unless_said);
  } else if (key == "stream_format") {  // speech
    const auto format = cursor_.string();
    facts.stream = facts.stream || (format && format->raw == "sse");
  } else if (key == "max_tokens" || key == "max_completion_tokens" ||
             key == "max_output_tokens" || key == "max_tokens_to_sample" ||
             key == "max_gen_len" || key == "maxTokens") {
    facts.max_output_tokens = std::max(facts.max_output_tokens, read_bound(cursor_));
  } else if (key == "n" || key == "best_of" || key == "numResults" || key == "num_generations") {
    facts.choices = std::max(facts.choices, read_bound(cursor_));
  } else if (key == "stream_options") {
    read_stream_options(facts);
  } else if (key == "generationConfig" || key == "generation_config") {
    read_generation_config(facts);
  } else if (key == "inferenceConfig" || key == "textGenerationConfig") {
    read_bedrock_config(facts);
  } else {
    read_by_endpoint(key, facts);
  }
}

// Keys that mean something to one API only.
void BodyWalk::read_by_endpoint(std::string_view key, BodyFacts& facts) {
  switch (route_.endpoint) {
    case Endpoint::images:
      if (key == "size") read_word(cursor_, facts.size);
      else if (key == "quality") read_word(cursor_, facts.quality);
      break;
    case Endpoint::speech:
      if (key != "input" && key != "text") break;
      if (const auto text = cursor_.string()) facts.characters = code_points(*text);
      break;
    case Endpoint::chat_completions:
      if (key == "web_search_options") read_search_options(facts);
      break;
    case Endpoint::responses:
      if (key == "tools") cursor_.each_element([&] { read_search_options(facts); });
      break;
    case Endpoint::ocr:
      if (key == "bbox_annotation_format" || key == "document_annotation_format") {
        facts.annotates = facts.annotates || cursor_.kind() == Kind::object;
      }
      break;
    case Endpoint::generate:  // watsonx
      if (key == "model_id") read_model(cursor_, facts.model);
      else if (key == "parameters") read_parameters(facts);
      else if (key == "num_generations") facts.choices = std::max(facts.choices, read_bound(cursor_));
      else if (key == "options") read_ollama_options(facts);
      break;
    case Endpoint::chat:
      if (key == "options") read_ollama_options(facts);
      break;
    case Endpoint::predict:
      if (key == "parameters") read_parameters(facts);
      break;
    default: break;
  }
}

// `web_search_options` of a chat, or one of the tools of a response (openai-openapi:
// WebSearchTool).
void BodyWalk::read_search_options(BodyFacts& facts) {
  cursor_.each_member([&](std::string_view key) {
    if (key == "search_context_size") read_word(cursor_, facts.search_context);
  });
}

// watsonx: max_new_tokens; Vertex's images: sampleCount and their size.
void BodyWalk::read_parameters(BodyFacts& facts) {
  cursor_.each_member([&](std::string_view key) {
    if (key == "max_new_tokens" || key == "maxOutputTokens") {
      facts.max_output_tokens = std::max(facts.max_output_tokens, read_bound(cursor_));
    } else if (key == "sampleCount" || key == "candidateCount") {
      facts.choices = std::max(facts.choices, read_bound(cursor_));
    } else if (key == "sampleImageSize") {
      read_word(cursor_, facts.size);
    }
  });
}

void BodyWalk::read_ollama_options(BodyFacts& facts) {
  KeyWatch watch(kOllamaOptionKeys);
  cursor_.each_member([&](std::string_view key) {
    watch.see(key);
    // -1 and -2 are "no bound" and "fill the context".
    if (key == "num_predict") facts.max_output_tokens = read_bound(cursor_);
  });
  note(watch);
}

void BodyWalk::read_bedrock_config(BodyFacts& facts) {
  KeyWatch watch(kBedrockMaxima);
  cursor_.each_member([&](std::string_view key) {
    watch.see(key);
    if (key == "maxTokens" || key == "max_new_tokens" || key == "maxTokenCount") {
      facts.max_output_tokens = std::max(facts.max_output_tokens, read_bound(cursor_));
    }
  });
  note(watch);
}

void BodyWalk::read_stream_options(BodyFacts& facts) {
  options_seen_ = true;
  if (cursor_.kind() != Kind::object) return;
  options_at_ = cursor_.offset() + 1;
  KeyWatch watch(kStreamOptionKeys);
  cursor_.each_member([&](std::string_view key) {
    ++options_members_;
    watch.see(key);
    if (key != "include_usage") return;
    include_usage_seen_ = true;
    facts.asks_usage = cursor_.boolean().value_or(false);
  });
  note(watch);
}

void BodyWalk::read_generation_config(BodyFacts& facts) {
  KeyWatch watch(kGenerationKeys);
  cursor_.each_member([&](std::string_view key) {
    watch.see(key);
    if (key == "maxOutputTokens" || key == "max_output_tokens") {
      facts.max_output_tokens = std::max(facts.max_output_tokens, read_bound(cursor_));
    } else if (key == "candidateCount" || key == "candidate_count") {
      facts.choices = std::max(facts.choices, read_bound(cursor_));
    }
  });
  note(watch);
}

// Only these two APIs keep their usage back unless the request asks for it.
bool wants_splice(Endpoint endpoint) {
  return endpoint == Endpoint::chat_completions || endpoint == Endpoint::completions;
}

Result<BodyFacts> read_json(const Route& route, std::string_view body, std::size_t start) {
  BodyFacts facts;
  facts.stream = speaks_ollama(route);
  facts.input_bytes = body.size();
  BodyWalk walk(route, body.substr(start));
  if (!walk.run(facts)) {
    BodyFacts unreadable;
    unreadable.input_bytes = body.size();
    return unreadable;
  }
  if (!walk.repeated().empty()) {
    return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                 "The request body repeats the key \"" + std::string(walk.repeated()) +
                     "\". Send it once.");
  }
  facts.readable = true;
  if (!wants_splice(route.endpoint) || !facts.stream) return facts;
  if (!walk.has_options()) {
    facts.splice_at = start + 1;
    facts.splice_needs_comma = !walk.empty_object();
  } else if (walk.options_at() != std::string_view::npos && !walk.says_include_usage()) {
    facts.splice_at = start + walk.options_at();
    facts.splice_inside_options = true;
    facts.splice_needs_comma = !walk.options_empty();
  }
  return facts;
}

BodyFacts read_form(std::string_view content_type, std::string_view body) {
  BodyFacts facts;
  facts.input_bytes = body.size();
  const auto form = read_multipart(content_type, body);
  if (!form) return facts;
  facts.readable = true;
  if (form->model.size() <= kMaxModel) facts.model = form->model;
  facts.stream = form->stream;
  facts.size = form->size;
  facts.quality = form->quality;
  facts.choices = std::max<std::uint64_t>(1, form->choices);
  return facts;
}

}  // namespace

std::uint64_t read_bound(JsonCursor& cursor) {
  constexpr double kMost = 9007199254740992.0;
  std::string text;
  if (cursor.kind() == Kind::string) {
    if (const auto string = cursor.string()) text = string->decoded();
  } else if (const auto number = cursor.number()) {
    text = *number;
  }
  double value = 0;
  const char* last = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), last, value);
  if (parsed.ptr != last || text.empty()) return 0;
  if (parsed.ec == std::errc::result_out_of_range) {
    // Too large for a double, or so small that it is 0: 1e400, 1e-400.
    return text.find("e-") == text.npos && text.find("E-") == text.npos && text[0] != '-'
               ? static_cast<std::uint64_t>(kMost)
               : 0;
  }
  if (parsed.ec != std::errc() || !(value > 0)) return 0;
  return static_cast<std::uint64_t>(std::ceil(std::min(value, kMost)));
}

Result<BodyFacts> read_body_facts(const Route& route, std::string_view content_type,
                                  std::string_view body) {
  std::size_t start = body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  start = std::min(body.find_first_not_of(" \t\r\n", start), body.size());
  const bool is_json = start < body.size() && body[start] == '{';
  Result<BodyFacts> facts = is_json ? read_json(route, body, start)
                                    : Result<BodyFacts>(read_form(content_type, body));
  if (facts && !route.model.empty()) facts->model = route.model;
  return facts;
}

}  // namespace farebox
