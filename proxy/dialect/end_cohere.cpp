// The ends of Cohere's streams. v2 (docs.cohere.com/v2/docs/streaming): what is open ends,
// message-end says MAX_TOKENS and the usage, [DONE]. v1 (docs.cohere.com/v1): the last line is
// stream-end with the whole answer in it.
#include <array>
#include <set>
#include <utility>

#include "proxy/dialect/end_events.hpp"
#include "proxy/dialect/end_usage.hpp"
#include "proxy/dialect/stream_end.hpp"

namespace farebox {
namespace {

constexpr auto kHead = std::to_array<std::string_view>({"id", "generation_id", "response_id"});
constexpr std::size_t kMostOpen = 256;

class CohereEnd final : public DialectEnd {
 public:
  void see(std::string_view name, std::string_view data) override;
  bool ended() const override { return ended_; }
  bool write(const Usage& usage, EndEvents& out) const override;

 private:
  void see_line(std::string_view type, const JsonString& text);
  void write_line(const Usage& usage, EndEvents& out) const;

  EventHead head_{kHead};
  std::set<std::pair<std::string, std::uint64_t>> open_;  // "content" or "tool-call", its index
  std::string text_;          // of v1, as JSON strings have it
  bool whole_text_ = true;    // nothing of it was left out
  bool lines_ = false;        // v1
  bool generates_ = false;    // v1/generate, which has no stream-start
  bool seen_ = false;
  bool ended_ = false;
};

void CohereEnd::see(std::string_view, std::string_view data) {
  if (data == "[DONE]") {
    ended_ = true;
    return;
  }
  JsonCursor cursor(data);
  std::string type;
  std::uint64_t index = 0;
  JsonString text;
  cursor.each_member([&](std::string_view key) {
    if (key == "type" || key == "event_type") {
      lines_ = lines_ || key == "event_type";
      const auto word = cursor.string();
      if (word && word->raw.size() <= 64) type = word->raw;
    } else if (key == "index") {
      index = cursor.count().value_or(0);
    } else if (key == "text") {
      text = cursor.string().value_or(JsonString{});
    } else {
      head_.take(key, cursor);
    }
  });
  if (type.empty()) return;
  if (lines_) see_line(type, text);
  seen_ = true;
  if (type == "content-start" || type == "tool-call-start" || type == "citation-start") {
    if (open_.size() < kMostOpen) open_.emplace(type.substr(0, type.size() - 6), index);
  } else if (type == "content-end" || type == "tool-call-end" || type == "citation-end") {
    open_.erase({type.substr(0, type.size() - 4), index});
  } else if (type == "message-end" || type == "stream-end") {
    ended_ = true;
  }
}

void CohereEnd::see_line(std::string_view type, const JsonString& text) {
  if (!seen_) generates_ = type != "stream-start";
  if (type != "text-generation") return;
  whole_text_ = whole_text_ && text_.size() + text.raw.size() <= StreamEnd::kMostText;
  if (whole_text_) text_.append(text.raw);
}

bool CohereEnd::write(const Usage& usage, EndEvents& out) const {
  if (!seen_ || open_.size() == kMostOpen) return false;
  if (lines_) {
    write_line(usage, out);
    return true;
  }
  for (const auto& [what, index] : open_) {
    const std::string type = what + "-end";
    out.push_back({type, "{\"type\":\"" + type + "\",\"index\":" + std::to_string(index) + "}"});
  }
  std::string last;
  JsonWriter json(last);
  json.begin_object().key("type").string("message-end").key("delta").begin_object();
  json.key("finish_reason").string("MAX_TOKENS").key("usage").begin_object();
  write_cohere_usage(json, usage);
  json.end_object().end_object().end_object();
  out.push_back({"message-end", std::move(last)});
  out.push_back({{}, "[DONE]"});
  return true;
}

void CohereEnd::write_line(const Usage& usage, EndEvents& out) const {
  std::string last;
  JsonWriter json(last);
  json.begin_object().key("is_finished").boolean(true).key("event_type").string("stream-end");
  json.key("finish_reason").string("MAX_TOKENS").key("response").begin_object();
  const std::string text = "\"" + text_ + "\"";
  if (generates_) {
    head_.write(json);
    json.key("generations").begin_array().begin_object().key("text").raw(text);
    json.key("finish_reason").string("MAX_TOKENS").end_object().end_array();
  } else {
    head_.write(json);
    json.key("text").raw(text).key("finish_reason").string("MAX_TOKENS");
  }
  json.key("meta").begin_object().key("api_version").begin_object();
  json.key("version").string("1").end_object();
  write_cohere_usage(json, usage);
  json.end_object().end_object().end_object();
  out.push_back({{}, std::move(last)});
}

}  // namespace

std::unique_ptr<DialectEnd> cohere_end() { return std::make_unique<CohereEnd>(); }

}  // namespace farebox
