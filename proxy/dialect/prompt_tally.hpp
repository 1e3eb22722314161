// PromptTally: adds up a chat as it is walked; what each thing costs is ChatRules' to say.
//
// The walks (chat_prompt.cpp, responses_prompt.cpp) know where things stand in a body, this
// knows what becomes of them. For one request and one thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "policy/tokens/chat_rules.hpp"
#include "policy/tokens/image_tokens.hpp"
#include "policy/tokens/stream_counter.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/prompt_count.hpp"

namespace farebox {

struct FunctionCall {
  JsonString name;
  JsonString arguments;  // JSON, in a string
  bool kept = false;     // the server knows it by its id
};

class PromptTally {
 public:
  enum class Role : std::uint8_t { other, system, assistant };

  // `counter` must outlive this.
  PromptTally(TokenCounter& counter, std::string_view model, PromptApi api);

  // A message begins; its content follows.
  void message(Role role);
  void name(const JsonString& name);
  void text(const JsonString& text);  // what follows another text continues it
  // `url` as written; empty: it lies elsewhere.
  void image(std::string_view url, ImageDetail detail);

  // Calls of functions that were made at once, one or more. Results follow.
  void calls(std::span<const FunctionCall> calls);
  void result_text(const JsonString& text);
  void end_result();

  // Earlier reasoning that the model reads again, `octets` of base64 in all.
  void reasoning(std::uint64_t octets);

  // The definitions as they stand in "tools" or "functions", and what tool_choice names;
  // after all messages.
  void tools(std::string_view tools, std::string_view functions);
  void named_choice(const JsonString& name);
  void single_call();

  // A schema for the answer; after tools. `schema` as written.
  void format(const JsonString& name, const JsonString& description, std::string_view schema);

  void doubt(PromptDoubt doubt);

  PromptCount finish();

 private:
  std::uint64_t count(std::string_view text) { return counter_->count(text); }
  std::uint64_t count(const JsonString& text);
  void add_call(const FunctionCall& call, bool together);
  void add_wrapped(std::span<const FunctionCall> calls);
  void end_results();
  void end_text();
  std::uint64_t joined_to_system(std::string_view text);
  void add_definitions(std::string_view list, class ToolText& text);

  TokenCounter* counter_;
  ChatRules rules_;
  std::optional<ImageRule> images_;
  PromptCount result_;
  bool has_system_ = false;
  bool has_tools_ = false;
  bool in_system_ = false;               // the first system message is being read
  StreamCounter system_;                 // its text, where definitions will join it
  std::optional<JsonString> held_;       // a text that may be continued
  std::optional<StreamCounter> texts_;   // and was
  std::optional<std::string> results_;   // of wrapped calls: a JSON array so far
  std::string one_result_;               // its text so far
  std::string scratch_;
};

}  // namespace farebox
