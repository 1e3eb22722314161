#include "proxy/dialect/whole_answer.hpp"

#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/sse.hpp"
#include "proxy/dialect/whole_parts.hpp"

namespace farebox {
namespace {

template <class Whole>
std::optional<std::string> put_together(std::string_view events) {
  Whole whole;
  SseSplitter splitter;
  SseEvent event;
  while (splitter.next(events, event)) {
    if (!whole.take(event.data)) return std::nullopt;
  }
  // Some servers leave out the blank line behind the last event.
  if (splitter.finish(event) && !whole.take(event.data)) return std::nullopt;
  return whole.finish();
}

}  // namespace

bool WholeResponse::take(std::string_view data) {
  if (data == "[DONE]") return !answer_.empty();
  if (!answer_.empty()) return false;
  const JsonMembers event(data, {"type", "response"});
  if (!event.whole()) return false;
  if (event.is("type", "error") || event.is("type", "response.failed")) return false;
  if (event.is("type", "response.output_item.done")) ++items_;
  if (!event.is("type", "response.completed") && !event.is("type", "response.incomplete")) return true;
  const auto members = RawMembers::read(data);
  if (!members || !members->only({"type", "sequence_number", "response"})) return false;
  answer_ = event["response"];
  return !answer_.empty();
}

std::optional<std::string> WholeResponse::finish() {
  const JsonMembers answer(answer_, {"output", "usage"});
  if (!answer.whole() || json_kind(answer["usage"]) != JsonCursor::Kind::object) return std::nullopt;
  // Some servers tell the items one by one and leave them out at the end.
  std::uint64_t items = 0;
  const bool listed = each_value(answer["output"], [&items](std::string_view) { ++items; });
  if (!listed || items != items_) return std::nullopt;
  return std::move(answer_);
}

std::optional<std::string> whole_answer(Endpoint endpoint, std::string_view events) {
  switch (endpoint) {
    case Endpoint::responses: return put_together<WholeResponse>(events);
    case Endpoint::messages: return put_together<WholeMessage>(events);
    case Endpoint::chat_completions: return put_together<WholeChat>(events);
    default: return std::nullopt;
  }
}

}  // namespace farebox
