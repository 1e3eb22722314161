// The end of Ollama's streams (ollama: api/types.go, ChatResponse, GenerateResponse): a last line
// with done and done_reason "length". It has no context and no durations: those are the model's.
#include <array>

#include "proxy/dialect/end_events.hpp"

namespace farebox {
namespace {

constexpr auto kHead = std::to_array<std::string_view>({"model", "created_at"});

class OllamaEnd final : public DialectEnd {
 public:
  void see(std::string_view, std::string_view data) override;
  bool ended() const override { return ended_; }
  bool write(const Usage& usage, EndEvents& out) const override;

 private:
  EventHead head_{kHead};
  bool chat_ = false;      // answers in `message`
  bool generate_ = false;  // answers in `response`
  bool ended_ = false;
};

void OllamaEnd::see(std::string_view, std::string_view data) {
  JsonCursor cursor(data);
  cursor.each_member([&](std::string_view key) {
    if (key == "message") chat_ = true;
    else if (key == "response") generate_ = true;
    else if (key == "done") ended_ = cursor.boolean().value_or(false) || ended_;
    else if (key == "error") ended_ = true;
    else head_.take(key, cursor);
  });
}

bool OllamaEnd::write(const Usage& usage, EndEvents& out) const {
  if (!chat_ && !generate_) return false;
  std::string last;
  JsonWriter json(last);
  json.begin_object();
  head_.write(json);
  if (chat_) {
    json.key("message").begin_object().key("role").string("assistant");
    json.key("content").string("").end_object();
  } else {
    json.key("response").string("");
  }
  json.key("done").boolean(true).key("done_reason").string("length");
  json.key("prompt_eval_count").number(usage.input).key("eval_count").number(usage.output);
  json.end_object();
  out.push_back({{}, std::move(last)});
  return true;
}

}  // namespace

std::unique_ptr<DialectEnd> ollama_end() { return std::make_unique<OllamaEnd>(); }

}  // namespace farebox
