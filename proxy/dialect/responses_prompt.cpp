// POST /responses: instructions, input as a text or as items, tools, text.format.
#include <algorithm>
#include <vector>

#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/prompt_walks.hpp"

namespace farebox {
namespace {

class ItemWalk {
 public:
  explicit ItemWalk(PromptTally& tally) : tally_(tally) {}

  void item(std::string_view value) {
    const JsonMembers item(value, {"type", "role", "content", "name", "arguments", "output", "id",
                                   "status", "encrypted_content"});
    if (!item.whole()) return tally_.doubt(PromptDoubt::unread);
    const auto type = item.string("type");
    const std::string_view word = type ? type->raw : "message";
    if (word == "function_call") return call(item);
    end_calls();
    if (word == "message") {
      const auto role = item.string("role");
      // What was thought before the user spoke again isn't read again: 5 of 5 recordings.
      if (role && role->raw == "user") {
        reasons_ = false;
        reasoning_ = 0;
      }
      tally_.message(prompt_role(role ? role->raw : std::string_view()));
      walk_content(item["content"], ContentOf::message, tally_);
    } else if (word == "function_call_output") {
      walk_content(item["output"], ContentOf::result, tally_);
      tally_.end_result();
    } else if (word == "reasoning") {
      reasons_ = true;
      const auto thought = item.string("encrypted_content");
      const std::size_t octets = thought ? thought->raw.size() : 0;
      reasoning_ += octets - std::min(octets, kEnvelope);
    } else if (word == "item_reference" || word == "compaction") {
      tally_.doubt(PromptDoubt::elsewhere);
    } else {
      tally_.doubt(PromptDoubt::hidden);  // of the provider's own tools
    }
  }

  void end() {
    end_calls();
    if (reasons_) tally_.reasoning(reasoning_);
  }

 private:
  static constexpr std::size_t kEnvelope = 850;  // octets of an empty thought

  // Calls that stand one behind the other were made at once.
  void end_calls() {
    if (!calls_.empty()) tally_.calls(calls_);
    calls_.clear();
  }

  void call(const JsonMembers& item) {
    const auto name = item.string("name");
    if (!name) return tally_.doubt(PromptDoubt::unread);
    // With its id and its status it is the server's own item, that came back as it was.
    const bool kept = item.has("id") && item.has("status");
    calls_.push_back({*name, item.string("arguments").value_or(JsonString{}), kept});
  }

  PromptTally& tally_;
  std::vector<FunctionCall> calls_;
  bool reasons_ = false;         // since the user spoke
  std::uint64_t reasoning_ = 0;  // its octets
};

void walk_input(std::string_view input, PromptTally& tally) {
  if (const auto text = JsonCursor(input).string()) {
    tally.message(PromptTally::Role::other);
    return tally.text(*text);
  }
  ItemWalk walk(tally);
  if (!each_value(input, [&](std::string_view item) { walk.item(item); })) {
    tally.doubt(PromptDoubt::unread);
  }
  walk.end();
}

}  // namespace

void walk_responses(std::string_view body, PromptTally& tally) {
  const JsonMembers request(
      body, {"instructions", "input", "tools", "tool_choice", "parallel_tool_calls", "text",
             "previous_response_id", "conversation", "prompt", "context_management"});
  if (!request.whole()) return tally.doubt(PromptDoubt::unread);
  if (const auto instructions = request.string("instructions");
      instructions && !instructions->raw.empty()) {
    tally.message(PromptTally::Role::system);
    tally.text(*instructions);
  }
  const bool continues = request.has("previous_response_id") || request.has("conversation") ||
                         request.has("prompt");
  if (continues) tally.doubt(PromptDoubt::elsewhere);
  if (request.has("context_management")) tally.doubt(PromptDoubt::hidden);
  if (request.has("input") || !continues) walk_input(request["input"], tally);
  tally.tools(request["tools"], {});
  walk_choice(request["tool_choice"], tally);
  if (request["parallel_tool_calls"] == "false") tally.single_call();
  walk_format(JsonMembers(request["text"], {"format"})["format"], tally);
}

}  // namespace farebox
