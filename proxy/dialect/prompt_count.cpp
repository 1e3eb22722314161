#include "proxy/dialect/prompt_count.hpp"

#include <algorithm>

#include "policy/tokens/json_text.hpp"
#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/prompt_walks.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

void count_text(const JsonString& text, TokenCounter& counter, PromptCount& result) {
  // The API counts an empty input as one token.
  result.parts.text += std::max<std::uint64_t>(1, count_json_string(counter, text.raw));
}

// A prompt of completions, or an input of embeddings: a text, tokens, or a list of either.
void count_plain(std::string_view input, TokenCounter& counter, PromptCount& result,
                 unsigned depth = 0) {
  const Kind kind = json_kind(input);
  if (kind == Kind::string) {
    if (const auto text = JsonCursor(input).string()) count_text(*text, counter, result);
  } else if (kind == Kind::number && depth > 0) {
    ++result.parts.text;
  } else if (kind == Kind::array && depth < 2) {
    each_value(input, [&](std::string_view one) { count_plain(one, counter, result, depth + 1); });
  } else {
    result.doubt = PromptDoubt::unread;
  }
}

PromptCount count_plain_body(std::string_view body, std::string_view member,
                             TokenCounter& counter) {
  PromptCount result;
  const JsonMembers request(body, {member, "suffix"});
  if (!request.whole() || !request.has(member)) {
    result.doubt = PromptDoubt::unread;
    return result;
  }
  count_plain(request[member], counter, result);
  if (const auto suffix = request.string("suffix")) {
    count_text(*suffix, counter, result);
    result.doubt = std::max(result.doubt, PromptDoubt::hidden);  // its marks aren't known
  }
  result.tokens = result.parts.text;
  return result;
}

}  // namespace

std::string_view name_of(PromptDoubt doubt) {
  switch (doubt) {
    case PromptDoubt::none: return "none";
    case PromptDoubt::tools: return "tools";
    case PromptDoubt::format: return "format";
    case PromptDoubt::images: return "images";
    case PromptDoubt::model: return "model";
    case PromptDoubt::unknown_image: return "unknown_image";
    case PromptDoubt::hidden: return "hidden";
    case PromptDoubt::elsewhere: return "elsewhere";
    case PromptDoubt::unread: return "unread";
  }
  return "unread";
}

PromptCount count_prompt(Endpoint endpoint, std::string_view model, std::string_view body,
                         TokenCounter& counter) {
  switch (endpoint) {
    case Endpoint::completions: return count_plain_body(body, "prompt", counter);
    case Endpoint::embeddings: return count_plain_body(body, "input", counter);
    case Endpoint::chat_completions: {
      PromptTally tally(counter, model, PromptApi::chat);
      walk_chat(body, tally);
      return tally.finish();
    }
    case Endpoint::responses: {
      PromptTally tally(counter, model, PromptApi::responses);
      walk_responses(body, tally);
      return tally.finish();
    }
    case Endpoint::messages:
    case Endpoint::complete:
    case Endpoint::generate_content:
    case Endpoint::embed_content:
    case Endpoint::interactions:
    case Endpoint::chat:
    case Endpoint::generate:
    case Endpoint::embed:
    case Endpoint::conversations:
    case Endpoint::converse:
    case Endpoint::invoke: return walk_texts(body, counter);
    default: break;
  }
  PromptCount unread;
  unread.doubt = PromptDoubt::unread;
  return unread;
}

PromptBound bound_prompt(Endpoint endpoint, std::string_view model, std::string_view body,
                         TokenCounter& bounding) {
  const PromptCount counted = count_prompt(endpoint, model, body, bounding);
  if (!counted.exact()) return {body.size(), false};
  return {std::min<std::uint64_t>(counted.tokens, body.size()), true};
}

}  // namespace farebox
