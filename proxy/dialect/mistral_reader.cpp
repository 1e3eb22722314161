// Replies of Mistral's Conversations API (mistralai client-python: ConversationResponse,
// ConversationEvents), whole or as events. Everything else of Mistral's has OpenAI's shape.
#include <functional>
#include <string>
#include <utility>

#include "proxy/dialect/error_member.hpp"
#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/openai_usage.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/tool_call_counter.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

class ConversationReader final : public FramedReader {
 private:
  struct Entry;  // an output of the conversation, or an event that carries a piece of one

  bool on_message(std::string_view event, std::string_view json) override;
  void conclude() override;

  void read_member(std::string_view key, JsonCursor& cursor, Entry& entry);
  void take(const Entry& entry);
  void add_text(JsonCursor& cursor);

  OpenAiUsage usage_;
  ToolCallCounter tool_calls_;
};

struct ConversationReader::Entry {
  JsonString type, id, code, object;
  bool detail = false;
};

bool ConversationReader::on_message(std::string_view, std::string_view json) {
  JsonCursor cursor(json);
  Entry entry;
  cursor.each_member([&](std::string_view key) {
    if (key == "outputs") {
      cursor.each_element([&] {
        Entry output;
        cursor.each_member([&](std::string_view inner) { read_member(inner, cursor, output); });
        take(output);
      });
    } else if (key == "usage") {
      if (cursor.kind() != Kind::object) return;
      OpenAiUsage usage = OpenAiUsage::read(cursor);
      // A stream that was cut inside the object would give a number's first digits.
      if (usage.says_anything() && !cursor.failed()) usage_ = std::move(usage);
    } else {
      read_member(key, cursor, entry);
    }
  });
  if (!cursor.at_end()) return false;
  take(entry);
  const std::string_view type = entry.type.raw;
  if (type == "conversation.response.done") reading_.finished = true;
  if (type == "conversation.response.error" || entry.object.raw == "error" || entry.detail) {
    reading_.error = true;
    if (reading_.error_code.empty()) reading_.error_code = entry.code.decoded();
  }
  return true;
}

void ConversationReader::read_member(std::string_view key, JsonCursor& cursor, Entry& entry) {
  const auto assign = [&cursor](JsonString& to) {
    if (const auto text = cursor.string()) to = *text;
  };
  if (key == "type") {
    assign(entry.type);
  } else if (key == "tool_call_id") {
    assign(entry.id);
  } else if (key == "code") {
    assign(entry.code);
  } else if (key == "object") {
    assign(entry.object);
  } else if (key == "content" || key == "arguments") {
    add_text(cursor);
  } else if (key == "model") {
    const auto model = cursor.string();
    if (model && reading_.model.empty()) reading_.model = model->decoded();
  } else if (key == "detail") {
    entry.detail = cursor.kind() == Kind::string || cursor.kind() == Kind::array;
  } else if (key == "error") {
    read_error_member(cursor, reading_);
  }
}

// `function.call` entries are for the client; `tool.execution` ones are not.
void ConversationReader::take(const Entry& entry) {
  if (entry.type.raw != "function.call" && entry.type.raw != "function.call.delta") return;
  // An entry that comes whole has no id, now and then; each is a call of its own then.
  static constexpr std::uint64_t kOneChoice = 0;
  if (entry.id.raw.empty()) {
    ++reading_.tool_calls;
  } else {
    const std::size_t index = std::hash<std::string_view>()(entry.id.raw);
    reading_.tool_calls += tool_calls_.add({kOneChoice, index, {}});
  }
}

void ConversationReader::add_text(JsonCursor& cursor) {
  switch (cursor.kind()) {
    case Kind::string:
      if (const auto text = cursor.string()) reading_.add_output(*text);
      break;
    case Kind::array: cursor.each_element([&] { add_text(cursor); }); break;
    case Kind::object:
      cursor.each_member([&](std::string_view key) {
        if (key == "text" || key == "thinking") add_text(cursor);
      });
      break;
    default: break;
  }
}

void ConversationReader::conclude() {
  if (usage_.put_into(reading_.usage, {})) reading_.usage.source = UsageSource::reported;
  usage_.tools.put_into(reading_.usage);
}

}  // namespace

std::unique_ptr<UsageReader> conversation_reader() {
  return std::make_unique<ConversationReader>();
}

}  // namespace farebox
