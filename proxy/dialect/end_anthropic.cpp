// The end of Anthropic's streams (docs.claude.com/en/api/messages-streaming): each open block is
// stopped, message_delta says max_tokens and the usage, message_stop. The legacy completions have
// a last event with a stop reason.
#include <array>
#include <set>

#include "proxy/dialect/end_events.hpp"
#include "proxy/dialect/end_usage.hpp"

namespace farebox {
namespace {

constexpr auto kCompletion = std::to_array<std::string_view>({"id", "model", "log_id"});
constexpr std::size_t kMostOpen = 256;

class AnthropicEnd final : public DialectEnd {
 public:
  void see(std::string_view name, std::string_view data) override;
  bool ended() const override { return ended_; }
  bool write(const Usage& usage, EndEvents& out) const override;

 private:
  bool write_completion(EndEvents& out) const;

  EventHead head_{kCompletion};
  std::set<std::uint64_t> open_;  // blocks by index
  bool started_ = false;
  bool completion_ = false;  // the legacy API
  bool reasoned_ = false;    // message_delta with a stop reason came
  bool ended_ = false;
};

// The stop reason inside of a delta.
bool has_reason(JsonCursor& cursor) {
  bool said = false;
  cursor.each_member([&](std::string_view key) {
    if (key == "stop_reason") said = cursor.string().has_value();
  });
  return said;
}

void AnthropicEnd::see(std::string_view, std::string_view data) {
  JsonCursor cursor(data);
  std::string type;
  std::uint64_t index = 0;
  bool reason = false;
  cursor.each_member([&](std::string_view key) {
    if (key == "type") {
      const auto word = cursor.string();
      if (word && word->raw.size() <= 64) type = word->raw;
    } else if (key == "index") {
      index = cursor.count().value_or(0);
    } else if (key == "delta") {
      reason = has_reason(cursor) || reason;
    } else if (key == "stop_reason") {
      reason = cursor.string().has_value() || reason;
    } else {
      head_.take(key, cursor);
    }
  });
  if (type == "message_start") {
    started_ = true;
  } else if (type == "content_block_start") {
    if (open_.size() < kMostOpen) open_.insert(index);
  } else if (type == "content_block_stop") {
    open_.erase(index);
  } else if (type == "message_delta") {
    reasoned_ = reasoned_ || reason;
  } else if (type == "completion") {
    started_ = completion_ = true;
    ended_ = ended_ || reason;
  } else if (type == "message_stop" || type == "error") {
    ended_ = true;
  }
}

bool AnthropicEnd::write(const Usage& usage, EndEvents& out) const {
  if (!started_ || open_.size() == kMostOpen) return false;
  if (completion_) return write_completion(out);
  for (const std::uint64_t index : open_) {
    out.push_back({"content_block_stop",
                   R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}"});
  }
  if (!reasoned_) {
    std::string delta;
    JsonWriter json(delta);
    json.begin_object().key("type").string("message_delta").key("delta").begin_object();
    json.key("stop_reason").string("max_tokens").key("stop_sequence").null().end_object();
    write_anthropic_usage(json.key("usage"), usage);
    json.end_object();
    out.push_back({"message_delta", std::move(delta)});
  }
  out.push_back({"message_stop", R"({"type":"message_stop"})"});
  return true;
}

bool AnthropicEnd::write_completion(EndEvents& out) const {
  std::string last;
  JsonWriter json(last);
  json.begin_object().key("type").string("completion");
  head_.write(json);
  json.key("completion").string("").key("stop_reason").string("max_tokens");
  json.key("stop").null().end_object();
  out.push_back({"completion", std::move(last)});
  return true;
}

}  // namespace

std::unique_ptr<DialectEnd> anthropic_end() { return std::make_unique<AnthropicEnd>(); }

}  // namespace farebox
