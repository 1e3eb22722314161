// ChatRules: the tokens OpenAI's servers add around the text of a chat.
//
// A chat reaches the model as one text with marks between the messages; the marks, the roles
// and what stands for tools are prompt tokens like any other. What is known of them: OpenAI's
// cookbook ("How to count tokens with tiktoken": 3 a message, 1 a name, 3 before the answer),
// the published harmony format of later models (channels), and recorded exchanges, whose
// reported prompt tokens these numbers reproduce. In the .cpp each says on how many it stands.
#pragma once

#include <cstdint>
#include <string_view>

namespace farebox {

enum class PromptApi : std::uint8_t { chat, responses };

// Models whose chats are put together in one way.
enum class ChatGeneration : std::uint8_t {
  classic,       // gpt-3.5-turbo, gpt-4, gpt-4o, gpt-4.1
  reasoning,     // o1, o3, o4
  gpt5,          // gpt-5, gpt-5.1
  gpt5_late,     // gpt-5.2 and later
  open_weights,  // gpt-oss: the server's own system message comes first
  unknown,       // counted as classic
};

ChatGeneration chat_generation(std::string_view model);

// All in tokens.
struct ChatRules {
  ChatGeneration generation = ChatGeneration::classic;
  std::uint32_t preamble = 0;   // once, before everything
  std::uint32_t priming = 3;    // once, the begin of the answer
  std::uint32_t message = 4;    // each message, the role with it
  std::uint32_t assistant = 0;  // more for each message of the assistant: its channel
  std::uint32_t system = 0;     // more for the first system message: its heading
  std::uint32_t name = 1;       // more for a message with a name, besides the name

  // A function call and its result, besides the function's name (twice), the arguments and
  // the result.
  std::uint32_t call = 13;
  std::uint32_t kept_call = 13;      // the same, of an item that the server keeps by its id
  std::uint32_t together_call = 13;  // each of calls made at once
  // Calls made at once go as one JSON text to "multi_tool_use.parallel", and their results
  // come back as one; this is for both, and together_call isn't used.
  bool wraps_calls = false;
  std::uint32_t wrapped_calls = 0;

  std::uint32_t tools = 0;  // once, where functions are defined
  // The definitions are the end of the first system message, tokenized with it; this is
  // what comes then instead of `tools`.
  bool joins_system = false;
  std::uint32_t joined_tools = 0;
  bool opens_apart = false;       // the line that opens the definitions is tokenized alone
  std::uint32_t named_choice = 0;   // tool_choice names a function, besides the name
  std::uint32_t single_call = 0;    // parallel_tool_calls is false

  // A JSON schema for the answer, besides its name, description and text.
  std::uint32_t format = 0;
  std::uint32_t format_after_system = 0;  // where there is a system message
  std::uint32_t format_after_tools = 0;   // where functions are defined
  std::uint32_t format_description = 1;   // where it has one, besides the text
};

ChatRules chat_rules(std::string_view model, PromptApi api);

// The name without what sellers put in front: "openai/gpt-4o", "openai.gpt-oss-20b-1:0",
// "ft:gpt-4o:acme" are "gpt-4o", "gpt-oss-20b-1:0", "gpt-4o:acme".
std::string_view bare_model(std::string_view model);

}  // namespace farebox
