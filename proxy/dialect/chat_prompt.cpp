// POST /chat/completions: messages, tools or the older functions, response_format.
#include <vector>

#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/prompt_walks.hpp"

namespace farebox {
namespace {

// {"name":"f","arguments":"{...}"}, as "function" of a tool call or as "function_call".
bool read_function(std::string_view value, std::vector<FunctionCall>& calls) {
  const JsonMembers function(value, {"name", "arguments"});
  const auto name = function.string("name");
  if (!name) return false;
  calls.push_back({*name, function.string("arguments").value_or(JsonString{})});
  return true;
}

// The calls that a message of the assistant made, in either of their forms.
void walk_calls(const JsonMembers& message, PromptTally& tally) {
  std::vector<FunctionCall> calls;
  bool whole = true;
  each_value(message["tool_calls"], [&](std::string_view call) {
    const JsonMembers members(call, {"function"});
    whole = read_function(members["function"], calls) && whole;  // custom tools have none
  });
  if (message.has("function_call")) whole = read_function(message["function_call"], calls) && whole;
  if (!whole) tally.doubt(PromptDoubt::unread);
  if (!calls.empty()) tally.calls(calls);
}

void walk_message(std::string_view value, PromptTally& tally) {
  const JsonMembers message(value, {"role", "content", "name", "tool_calls", "function_call",
                                    "refusal", "audio"});
  if (!message.whole()) return tally.doubt(PromptDoubt::unread);
  const auto role = message.string("role");
  const std::string_view word = role ? role->raw : std::string_view();
  if (word == "tool" || word == "function") {  // its marks came with the call
    walk_content(message["content"], ContentOf::result, tally);
    return tally.end_result();
  }
  const bool has_calls = message.has("function_call") ||
                         (message.has("tool_calls") && message["tool_calls"] != "[]");
  const auto content = message.string("content");
  const bool says_something = !has_calls || (content && !content->raw.empty());
  if (says_something) {
    tally.message(prompt_role(word));
    walk_content(message["content"], ContentOf::message, tally);
    if (const auto refusal = message.string("refusal")) tally.text(*refusal);
  }
  if (has_calls) walk_calls(message, tally);
  if (const auto name = message.string("name")) tally.name(*name);
  if (message.has("audio")) tally.doubt(PromptDoubt::elsewhere);  // an earlier answer's
}

}  // namespace

void walk_chat(std::string_view body, PromptTally& tally) {
  const JsonMembers request(
      body, {"messages", "tools", "functions", "tool_choice", "function_call",
             "parallel_tool_calls", "response_format", "web_search_options", "audio", "prediction",
             "model"});
  if (!request.whole()) return tally.doubt(PromptDoubt::unread);
  if (!each_value(request["messages"],
                  [&](std::string_view message) { walk_message(message, tally); })) {
    tally.doubt(PromptDoubt::unread);
  }
  tally.tools(request["tools"], request["functions"]);
  walk_choice(request["tool_choice"], tally);
  walk_choice(request["function_call"], tally);
  if (request["parallel_tool_calls"] == "false") tally.single_call();
  walk_format(request["response_format"], tally);
  const auto model = request.string("model");
  const bool searches = model && model->raw.find("-search-") != std::string_view::npos;
  if (searches || request.has("web_search_options") || request.has("audio") ||
      request.has("prediction")) {
    tally.doubt(PromptDoubt::hidden);
  }
}

}  // namespace farebox
