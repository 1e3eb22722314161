// Where the prompt stands in the bodies of OpenAI's endpoints; what it costs is PromptTally's.
//
// A body that is no object, or a part of another shape than the API's, is PromptDoubt::unread.
#pragma once

#include <string_view>

#include "proxy/dialect/prompt_tally.hpp"

namespace farebox {

void walk_chat(std::string_view body, PromptTally& tally);
void walk_responses(std::string_view body, PromptTally& tally);

// The bodies of other providers: what their models read, wherever it stands, without marks but
// a message's.
PromptCount walk_texts(std::string_view body, TokenCounter& counter);

// The content of a message, or of a function's result: a string, or a list of parts.
enum class ContentOf : std::uint8_t { message, result };
void walk_content(std::string_view content, ContentOf of, PromptTally& tally);

// The parts that both APIs have, in their spellings: tools, tool_choice, parallel_tool_calls;
// after the messages.
void walk_choice(std::string_view tool_choice, PromptTally& tally);
void walk_format(std::string_view format, PromptTally& tally);

PromptTally::Role prompt_role(std::string_view role);

}  // namespace farebox
