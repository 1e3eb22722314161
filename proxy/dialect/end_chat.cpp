// The end of OpenAI's chat and text completions (openai-openapi: CreateChatCompletionStreamResponse)
// and of all who speak them: a chunk with finish_reason "length" for each open choice, the usage
// if the client asked for it, [DONE].
#include <array>
#include <map>

#include "proxy/dialect/end_events.hpp"
#include "proxy/dialect/end_usage.hpp"

namespace farebox {
namespace {

constexpr auto kHead = std::to_array<std::string_view>(
    {"id", "object", "created", "model", "service_tier", "system_fingerprint", "provider"});
constexpr std::size_t kMostChoices = 128;  // openai-openapi: n is at most 128

class ChatEnd final : public DialectEnd {
 public:
  explicit ChatEnd(const EndChoices& choices) : choices_(choices) {}

  void see(std::string_view name, std::string_view data) override;
  bool ended() const override { return ended_; }
  bool write(const Usage& usage, EndEvents& out) const override;

 private:
  void see_choice(JsonCursor& cursor);
  std::string chunk(std::uint64_t index, const Usage* usage) const;
  std::string usage_chunk(const Usage& usage) const;

  EndChoices choices_;
  EventHead head_{kHead};
  std::map<std::uint64_t, bool> finished_;  // by index
  bool seen_ = false;
  bool usage_seen_ = false;
  bool too_many_ = false;
  bool ended_ = false;
};

void ChatEnd::see(std::string_view name, std::string_view data) {
  if (data == "[DONE]" || name == "error") {
    ended_ = true;
    return;
  }
  JsonCursor cursor(data);
  const bool is_object = cursor.each_member([&](std::string_view key) {
    if (key == "choices") {
      cursor.each_element([&] { see_choice(cursor); });
    } else if (key == "usage") {
      usage_seen_ = usage_seen_ || cursor.kind() == JsonCursor::Kind::object;
    } else if (key == "error") {
      ended_ = ended_ || cursor.kind() != JsonCursor::Kind::null;
    } else {
      head_.take(key, cursor);
    }
  });
  seen_ = seen_ || is_object;
}

void ChatEnd::see_choice(JsonCursor& cursor) {
  std::uint64_t index = 0;
  bool finished = false;
  cursor.each_member([&](std::string_view key) {
    if (key == "index") index = cursor.count().value_or(0);
    else if (key == "finish_reason") finished = cursor.string().has_value();
  });
  const auto known = finished_.find(index);
  if (known != finished_.end()) {
    known->second = known->second || finished;
  } else if (finished_.size() < kMostChoices) {
    finished_.emplace(index, finished);
  } else {
    too_many_ = true;
  }
}

bool ChatEnd::write(const Usage& usage, EndEvents& out) const {
  if (!seen_ || too_many_ || choices_.count > kMostChoices) return false;
  std::map<std::uint64_t, bool> finished = finished_;
  for (std::uint64_t i = 0; i < choices_.count; ++i) finished.emplace(i, false);
  for (const auto& [index, done] : finished) {
    if (!done) out.push_back({{}, chunk(index, choices_.usage_inside ? &usage : nullptr)});
  }
  // Usage that came while a choice was open was of the moment (vLLM's continuous_usage_stats).
  const bool told = usage_seen_ && out.empty();
  if (choices_.usage_asked && !choices_.usage_inside && !told) {
    out.push_back({{}, usage_chunk(usage)});
  }
  out.push_back({{}, "[DONE]"});
  return true;
}

std::string ChatEnd::chunk(std::uint64_t index, const Usage* usage) const {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  head_.write(json);
  json.key("choices").begin_array().begin_object().key("index").number(index);
  if (choices_.text) json.key("text").string("");
  else json.key("delta").begin_object().end_object();
  json.key("logprobs").null().key("finish_reason").string("length").end_object().end_array();
  if (usage != nullptr) write_openai_usage(json.key("usage"), *usage);
  else if (choices_.usage_asked) json.key("usage").null();
  json.end_object();
  return out;
}

std::string ChatEnd::usage_chunk(const Usage& usage) const {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  head_.write(json);
  json.key("choices").begin_array().end_array();
  write_openai_usage(json.key("usage"), usage);
  json.end_object();
  return out;
}

}  // namespace

std::unique_ptr<DialectEnd> chat_end(const EndChoices& choices) {
  return std::make_unique<ChatEnd>(choices);
}

}  // namespace farebox
