// What the ends of all dialects share (see proxy/dialect/stream_end.hpp): a dialect sees the
// events of a stream and says which events end it; the framing is somebody else's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/json_writer.hpp"
#include "policy/usage.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

struct EndEvent {
  std::string name;  // of the event; empty: none
  std::string data;  // JSON, or [DONE]
};
using EndEvents = std::vector<EndEvent>;

class DialectEnd {
 public:
  virtual ~DialectEnd() = default;

  // The data of an event, one line of JSON, or one element of an array.
  virtual void see(std::string_view name, std::string_view data) = 0;
  virtual bool ended() const = 0;
  // False: it can't be ended.
  virtual bool write(const Usage& usage, EndEvents& out) const = 0;
};

struct EndChoices {
  std::uint64_t count = 1;   // answers that were asked for
  bool text = false;         // legacy completions
  bool usage_asked = false;  // the client wants a chunk with the usage
  bool usage_inside = false; // the last chunk with a choice has the usage (Mistral)
};
std::unique_ptr<DialectEnd> chat_end(const EndChoices& choices);
std::unique_ptr<DialectEnd> responses_end();
std::unique_ptr<DialectEnd> anthropic_end();
std::unique_ptr<DialectEnd> gemini_end();
std::unique_ptr<DialectEnd> cohere_end();
std::unique_ptr<DialectEnd> ollama_end();
std::unique_ptr<DialectEnd> converse_end();
std::unique_ptr<DialectEnd> bedrock_invoke_end();

// The value at the cursor as it was written, if it has at most `most` octets; it is consumed.
std::string raw_value(JsonCursor& cursor, std::size_t most);

// The object `json` with some of its members' values replaced, in place; a member that it
// doesn't have is put behind the others. Values are JSON.
using Replacement = std::pair<std::string_view, std::string_view>;
std::string with_members(std::string_view json, std::span<const Replacement> members);

// Members that a stream repeats in each of its events, as they were first said: at most
// kMostHead octets each.
class EventHead {
 public:
  static constexpr std::size_t kMostHead = 512;

  explicit EventHead(std::span<const std::string_view> names) : names_(names) {}

  // The value at the cursor, where `key` is one of the names; else it is left alone.
  bool take(std::string_view key, JsonCursor& cursor);
  void write(JsonWriter& json) const;
  std::string_view operator[](std::string_view name) const;

 private:
  std::span<const std::string_view> names_;
  std::vector<std::pair<std::string_view, std::string>> members_;
};

}  // namespace farebox
