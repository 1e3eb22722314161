// Chat completions from their chunks (openapi.yaml: CreateChatCompletionStreamResponse).
#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/whole_parts.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::size_t kMostChoices = 128;
constexpr std::size_t kMostCalls = 1024;

// A value that every chunk that says it says alike; null and "" say nothing.
bool say_once(std::string& said, const std::string& value) {
  if (value == "null" || value == "\"\"") return true;
  if (said.empty()) said = value;
  return said == value;
}

// A value of which the last one counts; null only where nothing else was said.
void say_last(std::string& said, const std::string& value) {
  if (value != "null" || said.empty()) said = value;
}

void put(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (out.back() != '{') out += ',';
  out += '"';
  out += key;
  out += "\":";
  out += value;
}

}  // namespace

bool WholeChat::take(std::string_view data) {
  if (done_) return false;
  if (data == "[DONE]") return done_ = true;
  const auto chunk = RawMembers::read(data);
  const std::string* choices = chunk ? chunk->find("choices") : nullptr;
  if (choices == nullptr) return false;
  // Azure's first chunk says what it found in the prompt, and has neither a name nor a time.
  const bool prelude = chunk->find("prompt_filter_results") != nullptr && *choices == "[]";
  for (const auto& [key, value] : *chunk) {
    bool usable = true;
    if (key == "id") usable = say_once(id_, value);
    else if (key == "model") usable = say_once(model_, value);
    else if (key == "provider") usable = say_once(provider_, value);  // OpenRouter
    else if (key == "object") usable = prelude || value == "\"chat.completion.chunk\"";
    else if (key == "prompt_filter_results") usable = say_once(prompt_filters_, value);
    else if (key == "service_tier") say_last(service_tier_, value);
    else if (key == "system_fingerprint") say_last(fingerprint_, value);
    else if (key == "usage") say_last(usage_, value);
    else if (key == "created") created_ = created_.empty() || created_ == "0" ? value : created_;
    else if (key == "choices") {
      const bool all = each_value(value, [&](std::string_view choice) {
        usable = usable && take_choice(choice);
      });
      usable = usable && all;
    } else {
      usable = key == "obfuscation" || key == "p";  // padding, OpenAI's and Mistral's
    }
    if (!usable) return false;
  }
  return true;
}

bool WholeChat::take_choice(std::string_view text) {
  const auto members = RawMembers::read(text);
  if (!members) return false;
  const auto index = members->count("index");
  if (!index || *index >= kMostChoices) return false;
  if (*index >= choices_.size()) choices_.resize(*index + 1);
  Choice& choice = choices_[*index];
  for (const auto& [key, value] : *members) {
    bool usable = true;
    if (key == "delta") usable = take_delta(choice, value);
    else if (key == "logprobs") usable = take_logprobs(choice, value);
    else if (key == "content_filter_results") usable = take_filters(choice, value);
    else if (key == "finish_reason") say_last(choice.finish_reason, value);
    else if (key == "native_finish_reason") say_last(choice.native_finish_reason, value);  // OpenRouter
    else if (key == "stop_reason") say_last(choice.stop_reason, value);  // vLLM
    else usable = key == "index" || key == "obfuscation";
    if (!usable) return false;
  }
  return true;
}

bool WholeChat::take_delta(Choice& choice, std::string_view text) {
  const auto delta = RawMembers::read(text);
  if (!delta) return false;
  for (const auto& [key, value] : *delta) {
    bool usable = true;
    if (key == "role") usable = say_once(choice.role, value);
    else if (key == "content") usable = append_string(choice.content, value);
    else if (key == "refusal") usable = append_string(choice.refusal, value);
    else if (key == "reasoning") usable = append_string(choice.reasoning, value);
    else if (key == "reasoning_content") usable = append_string(choice.reasoning_content, value);
    else if (key == "tool_calls" && value != "null") {
      const bool all = each_value(value, [&](std::string_view call) {
        usable = usable && take_call(choice, call);
      });
      usable = usable && all;
    } else {
      usable = (key == "tool_calls" || key == "function_call") && value == "null";
    }
    if (!usable) return false;
  }
  return true;
}

bool WholeChat::take_call(Choice& choice, std::string_view text) {
  const auto members = RawMembers::read(text);
  if (!members || !members->only({"index", "id", "type", "function"})) return false;
  const auto index = members->count("index");
  if (!index || *index > choice.calls.size() || *index >= kMostCalls) return false;
  if (*index == choice.calls.size()) choice.calls.emplace_back();
  Call& call = choice.calls[*index];
  if (const std::string* id = members->find("id"); id != nullptr && !say_once(call.id, *id)) return false;
  if (const std::string* type = members->find("type")) {
    if (!say_once(call.type, *type)) return false;
  }
  const std::string* function = members->find("function");
  if (function == nullptr) return true;
  const auto parts = RawMembers::read(*function);
  if (!parts || !parts->only({"name", "arguments"})) return false;
  const std::string* name = parts->find("name");
  if (name != nullptr && !say_once(call.name, *name)) return false;
  const std::string* arguments = parts->find("arguments");
  return arguments == nullptr || append_string(call.arguments, *arguments);
}

bool WholeChat::take_logprobs(Choice& choice, std::string_view text) {
  if (text == "null") {
    if (choice.logprobs.empty()) choice.logprobs = "null";
    return true;
  }
  const auto members = RawMembers::read(text);
  if (!members || !members->only({"content", "refusal"})) return false;
  choice.logprobs = "{}";
  const std::string* content = members->find("content");
  const std::string* refusal = members->find("refusal");
  return (content == nullptr || append_elements(choice.logprobs_content, *content)) &&
         (refusal == nullptr || append_elements(choice.logprobs_refusal, *refusal));
}

// What one part of the text is found to be, the whole must be found too: all parts agree.
bool WholeChat::take_filters(Choice& choice, std::string_view text) {
  if (text == "null") return true;
  const auto members = RawMembers::read(text);
  if (!members) return false;
  if (!choice.filters) choice.filters.emplace();
  for (const auto& [key, value] : *members) {
    const std::string* before = choice.filters->find(key);
    if (before != nullptr && *before != value) return false;
    if (before == nullptr) choice.filters->set(key, value);
  }
  return true;
}

void WholeChat::write_choice(std::string& out, const Choice& choice, std::size_t index) {
  out += '{';
  put(out, "index", std::to_string(index));
  out += ",\"message\":{";
  put(out, "role", choice.role);
  // A stream begins with an empty text also where none follows.
  const bool none = choice.content.empty() ||
                    (choice.content == "\"\"" &&
                     (!choice.calls.empty() || json_kind(choice.refusal) == Kind::string));
  put(out, "content", none ? std::string_view("null") : choice.content);
  put(out, "refusal", choice.refusal);
  put(out, "reasoning", choice.reasoning);
  put(out, "reasoning_content", choice.reasoning_content);
  if (!choice.calls.empty()) {
    out += ",\"tool_calls\":[";
    for (const Call& call : choice.calls) {
      out += &call == &choice.calls.front() ? "{" : ",{";
      put(out, "id", call.id);
      put(out, "type", call.type);
      out += ",\"function\":{";
      put(out, "name", call.name);
      put(out, "arguments", call.arguments);
      out += "}}";
    }
    out += ']';
  }
  out += '}';
  if (choice.logprobs == "{}") {
    out += ",\"logprobs\":{";
    put(out, "content", choice.logprobs_content);
    put(out, "refusal", choice.logprobs_refusal);
    out += '}';
  } else {
    put(out, "logprobs", choice.logprobs);
  }
  put(out, "finish_reason", choice.finish_reason);
  put(out, "native_finish_reason", choice.native_finish_reason);
  put(out, "stop_reason", choice.stop_reason);
  if (choice.filters) {
    std::string filters;
    choice.filters->append_to(filters);
    put(out, "content_filter_results", filters);
  }
  out += '}';
}

std::optional<std::string> WholeChat::finish() {
  if (!done_ || choices_.empty() || json_kind(usage_) != Kind::object) return std::nullopt;
  std::string answer = "{";
  put(answer, "id", id_);
  put(answer, "provider", provider_);
  put(answer, "object", "\"chat.completion\"");
  put(answer, "created", created_);
  put(answer, "model", model_);
  answer += ",\"choices\":[";
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    const Choice& choice = choices_[i];
    if (choice.role.empty() || json_kind(choice.finish_reason) != Kind::string) return std::nullopt;
    for (const Call& call : choice.calls) {
      if (call.id.empty() || call.type != "\"function\"" || call.name.empty() ||
          json_kind(call.arguments) != Kind::string) {
        return std::nullopt;
      }
    }
    if (i != 0) answer += ',';
    write_choice(answer, choice, i);
  }
  answer += ']';
  put(answer, "usage", usage_);
  put(answer, "service_tier", service_tier_);
  put(answer, "system_fingerprint", fingerprint_);
  put(answer, "prompt_filter_results", prompt_filters_);
  answer += '}';
  return answer;
}

}  // namespace farebox
