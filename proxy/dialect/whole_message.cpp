// Anthropic's messages from their events (platform.claude.com, "Streaming messages").
#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/whole_parts.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD in UTF-8

bool is_kind(const std::string* value, Kind kind) {
  return value != nullptr && json_kind(*value) == kind;
}

bool is_empty_array(const std::string* value) {
  if (!is_kind(value, Kind::array)) return false;
  std::size_t elements = 0;
  each_value(*value, [&elements](std::string_view) { ++elements; });
  return elements == 0;
}

// The object whose text the pieces of a string make; nothing: it isn't one.
std::optional<std::string> object_of(std::string_view raw) {
  const JsonString text{raw, raw.find('\\') != std::string_view::npos};
  std::string object = text.decoded();
  // Half a surrogate pair can't be said in another way.
  const bool lost = object.find(kReplacement) != std::string::npos &&
                    raw.find(kReplacement) == std::string_view::npos;
  JsonCursor cursor(object);
  if (lost || cursor.kind() != Kind::object) return std::nullopt;
  const std::size_t begin = cursor.offset();
  cursor.skip();
  const std::size_t end = cursor.offset();
  if (!cursor.at_end()) return std::nullopt;
  return object.substr(begin, end - begin);
}

// Every field that `more` says over the earlier one; null says nothing where there is one.
void merge_usage(RawMembers& usage, const RawMembers& more) {
  for (const auto& [key, value] : more) {
    if (value != "null" || usage.find(key) == nullptr) usage.set(key, value);
  }
}

}  // namespace

bool WholeMessage::take(std::string_view data) {
  const auto event = RawMembers::read(data);
  if (!event) return false;
  const std::string_view type = event->word("type");
  if (type == "ping") return true;
  if (type == "message_start") return start(*event);
  if (!message_ || stopped_) return false;
  if (type == "content_block_start") return start_block(*event);
  if (type == "content_block_delta") return grow_block(*event);
  if (type == "content_block_stop") return stop_block(*event);
  if (type == "message_delta") return change(*event);
  stopped_ = type == "message_stop" && event->only({"type"});
  return stopped_;
}

bool WholeMessage::start(const RawMembers& event) {
  if (message_ || !event.only({"type", "message"})) return false;
  const std::string* message = event.find("message");
  if (message == nullptr) return false;
  message_ = RawMembers::read(*message);
  if (!message_ || !is_empty_array(message_->find("content"))) return false;
  const std::string* usage = message_->find("usage");
  auto read = usage == nullptr ? std::nullopt : RawMembers::read(*usage);
  if (!read) return false;
  usage_ = std::move(*read);
  return true;
}

bool WholeMessage::start_block(const RawMembers& event) {
  if (!event.only({"type", "index", "content_block"})) return false;
  if (event.count("index") != blocks_.size()) return false;
  const std::string* block = event.find("content_block");
  auto members = block == nullptr ? std::nullopt : RawMembers::read(*block);
  if (!members || members->word("type").empty()) return false;
  blocks_.push_back({std::move(*members), {}, true});
  return true;
}

WholeMessage::Block* WholeMessage::open_block(const RawMembers& event) {
  const auto index = event.count("index");
  if (!index || *index >= blocks_.size() || !blocks_[*index].open) return nullptr;
  return &blocks_[*index];
}

bool WholeMessage::grow_block(const RawMembers& event) {
  Block* block = open_block(event);
  const std::string* text = event.find("delta");
  if (block == nullptr || text == nullptr || !event.only({"type", "index", "delta"})) return false;
  const auto delta = RawMembers::read(*text);
  if (!delta) return false;
  const std::string_view type = delta->word("type");
  if (type == "text_delta" || type == "thinking_delta") {
    const std::string_view key = type == "text_delta" ? "text" : "thinking";
    // A guess of how much was thought so far belongs to the stream.
    if (!delta->only({"type", key, "estimated_tokens"})) return false;
    const std::string* more = delta->find(key);
    std::string* whole = block->members.string_value(key);
    return is_kind(more, Kind::string) && whole != nullptr && append_string(*whole, *more);
  }
  if (type == "input_json_delta") {
    const std::string* more = delta->find("partial_json");
    if (!delta->only({"type", "partial_json"}) || !is_kind(more, Kind::string)) return false;
    block->input += inside(*more);
    return true;
  }
  if (type == "signature_delta") {
    const std::string* signature = delta->find("signature");
    const std::string* before = block->members.find("signature");
    if (!delta->only({"type", "signature"}) || !is_kind(signature, Kind::string)) return false;
    if (before != nullptr && *before != "\"\"" && *before != "null") return false;
    block->members.set("signature", *signature);
    return true;
  }
  if (type != "citations_delta" || !delta->only({"type", "citation"})) return false;
  const std::string* citation = delta->find("citation");
  if (!is_kind(citation, Kind::object)) return false;
  const std::string* before = block->members.find("citations");
  std::string citations = before == nullptr ? std::string() : *before;
  if (!append_elements(citations, '[' + *citation + ']')) return false;
  block->members.set("citations", std::move(citations));
  return true;
}

bool WholeMessage::stop_block(const RawMembers& event) {
  Block* block = open_block(event);
  if (block == nullptr || !event.only({"type", "index"})) return false;
  block->open = false;
  if (block->input.empty()) return true;
  const std::string* before = block->members.find("input");
  const auto empty = before == nullptr ? std::nullopt : RawMembers::read(*before);
  auto input = object_of(block->input);
  if (!empty || empty->begin() != empty->end() || !input) return false;
  block->members.set("input", std::move(*input));
  return true;
}

bool WholeMessage::change(const RawMembers& event) {
  if (!event.only({"type", "delta", "usage", "context_management"})) return false;
  const std::string* text = event.find("delta");
  const auto delta = text == nullptr ? std::nullopt : RawMembers::read(*text);
  if (!delta || !delta->only({"stop_reason", "stop_sequence", "stop_details", "container"})) return false;
  for (const auto& [key, value] : *delta) message_->set(key, value);
  if (const std::string* managed = event.find("context_management")) {
    message_->set("context_management", *managed);
  }
  const std::string* usage = event.find("usage");
  if (usage == nullptr || *usage == "null") return true;
  const auto more = RawMembers::read(*usage);
  if (!more) return false;
  merge_usage(usage_, *more);
  return true;
}

std::optional<std::string> WholeMessage::finish() {
  if (!stopped_ || !is_kind(message_->find("stop_reason"), Kind::string)) return std::nullopt;
  std::string content = "[";
  for (const Block& block : blocks_) {
    if (block.open) return std::nullopt;
    if (content.size() > 1) content += ',';
    block.members.append_to(content);
  }
  content += ']';
  message_->set("content", std::move(content));
  std::string usage;
  usage_.append_to(usage);
  message_->set("usage", std::move(usage));
  std::string answer;
  message_->append_to(answer);
  return answer;
}

}  // namespace farebox
