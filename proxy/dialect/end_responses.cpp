// The end of a stream of the Responses API (openai-openapi: ResponseStreamEvent): what is open is
// closed as the API closes it, each item with status "incomplete", then response.incomplete holds
// the whole response object.
//
// The object is that of response.created, of which a member above kMostMember octets (the
// instructions, the tools) is left out, as null or []. Items that are done are repeated as they
// came, as far as all of them and the texts have room in StreamEnd::kMostText octets; one that
// hasn't is repeated by its id, type and status. Annotations of a text that is open are left out.
#include <algorithm>

#include "proxy/dialect/end_events.hpp"
#include "proxy/dialect/end_response_items.hpp"
#include "proxy/dialect/end_usage.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::size_t kMostMember = 64u << 10;
constexpr std::size_t kMostMembers = 64;

class ResponsesEnd final : public DialectEnd {
 public:
  void see(std::string_view name, std::string_view data) override;
  bool ended() const override { return ended_; }
  bool write(const Usage& usage, EndEvents& out) const override;

 private:
  void take_response(JsonCursor& cursor);
  std::string response(const Usage& usage) const;

  std::vector<std::pair<std::string, std::string>> members_;  // of the response object
  EndResponseItems items_;
  std::optional<std::uint64_t> sequence_;  // of the last event
  bool named_ = false;                     // events have names beside their type
  bool ended_ = false;
};

void ResponsesEnd::see(std::string_view name, std::string_view data) {
  if (data == "[DONE]") {
    ended_ = true;
    return;
  }
  ResponseEvent event;
  JsonCursor cursor(data);
  cursor.each_member([&](std::string_view key) {
    if (key == "type") {
      const auto word = cursor.string();
      if (word && word->raw.size() <= 64) event.type = word->raw;
    } else if (key == "sequence_number") {
      if (const auto number = cursor.count()) sequence_ = number;
    } else if (key == "response") {
      if (members_.empty()) take_response(cursor);
    } else {
      event.read(key, cursor);
    }
  });
  named_ = named_ || !name.empty();
  if (event.type == "response.completed" || event.type == "response.incomplete" ||
      event.type == "response.failed" || event.type == "error" || name == "error") {
    ended_ = true;
  } else {
    items_.take(event);
  }
}

void ResponsesEnd::take_response(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (members_.size() == kMostMembers || key.size() > 64) return;
    std::string name(key);
    const bool list = cursor.kind() == Kind::array;
    std::string value = raw_value(cursor, kMostMember);
    if (value.empty()) value = list ? "[]" : "null";
    members_.emplace_back(std::move(name), std::move(value));
  });
}

bool ResponsesEnd::write(const Usage& usage, EndEvents& out) const {
  if (members_.empty() || !items_.whole()) return false;
  items_.close(out);
  out.push_back({"response.incomplete",
                 R"({"type":"response.incomplete","response":)" + response(usage) + "}"});
  std::uint64_t number = sequence_.value_or(0);
  for (EndEvent& event : out) {
    if (sequence_) {
      event.data.back() = ',';
      event.data += "\"sequence_number\":" + std::to_string(++number) + "}";
    }
    if (!named_) event.name.clear();
  }
  return true;
}

std::string ResponsesEnd::response(const Usage& usage) const {
  std::string object = "{";
  for (const auto& [name, value] : members_) {
    if (object.size() > 1) object += ',';
    append_json_string(object, name);
    object += ':' + value;
  }
  object += '}';
  std::string counts;
  JsonWriter json(counts);
  write_responses_usage(json, usage);
  const std::string output = items_.list();
  const Replacement changes[] = {{"status", "\"incomplete\""},
                                 {"incomplete_details", R"({"reason":"max_output_tokens"})"},
                                 {"output", output},
                                 {"usage", counts}};
  return with_members(object, changes);
}

}  // namespace

std::unique_ptr<DialectEnd> responses_end() { return std::make_unique<ResponsesEnd>(); }

}  // namespace farebox
