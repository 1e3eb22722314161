// Other providers' bodies: their texts by the names they stand under, in any of the shapes.
//
// What a provider adds around them isn't public, and neither are most vocabularies: an
// estimate, which a ratio learnt from reports makes better (policy/tokens/token_ratio.hpp).
#include <algorithm>
#include <array>

#include "policy/tokens/json_text.hpp"
#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/prompt_walks.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

template <std::size_t kSize>
bool is_one_of(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Texts, or lists of them.
constexpr std::array<std::string_view, 15> kTexts = {
    "text",    "content", "system", "prompt",   "input", "inputs",       "inputText", "message",
    "query",   "preamble", "texts", "thinking", "title", "instructions", "suffix"};

// JSON that a model reads: definitions of tools, what they were called with, what they gave.
constexpr std::array<std::string_view, 8> kJson = {
    "tools", "toolConfig", "tool_config", "functionCall", "functionResponse", "tool_calls",
    "function_call", "toolUse"};

// What isn't text.
constexpr std::array<std::string_view, 10> kMedia = {
    "inlineData", "inline_data", "fileData",  "file_data", "source",
    "image",      "image_url",   "document", "images",    "input_audio"};

class TextWalk {
 public:
  TextWalk(std::string_view body, TokenCounter& counter)
      : cursor_(body), body_(body), counter_(counter) {
    count_.doubt = PromptDoubt::model;
  }

  PromptCount run() {
    value({}, 0);
    if (!cursor_.at_end() || json_kind(body_) != Kind::object) count_.doubt = PromptDoubt::unread;
    count_.tokens = count_.parts.text + count_.parts.marks + count_.parts.tools;
    return count_;
  }

 private:
  static constexpr unsigned kMostDepth = 24;
  static constexpr std::uint64_t kMessage = 4;  // as OpenAI's; others aren't far

  void value(std::string_view name, unsigned depth) {
    switch (cursor_.kind()) {
      case Kind::string:
        if (const auto text = cursor_.string(); text && is_one_of(kTexts, name)) {
          count_.parts.text += count_json_string(counter_, text->raw);
        }
        break;
      case Kind::array:
        if (depth == kMostDepth) return too_deep();
        cursor_.each_element([&] { value(name, depth + 1); });
        break;
      case Kind::object:
        if (depth == kMostDepth) return too_deep();
        cursor_.each_member([&](std::string_view key) { member(key, name, depth); });
        break;
      default: cursor_.skip();
    }
  }

  void member(std::string_view key, std::string_view parent, unsigned depth) {
    if (key == "role") count_.parts.marks += kMessage;
    if (is_one_of(kMedia, key)) {
      count_.doubt = PromptDoubt::unread;
      cursor_.skip();
    } else if (is_one_of(kJson, key) || (key == "input" && parent == "content")) {
      cursor_.kind();  // passes blanks
      const std::size_t begin = cursor_.offset();
      cursor_.skip();
      if (!cursor_.failed()) {
        count_.parts.tools += counter_.count(body_.substr(begin, cursor_.offset() - begin));
      }
    } else {
      value(std::string(key), depth + 1);  // the key may not outlive what comes
    }
  }

  void too_deep() {
    count_.doubt = PromptDoubt::unread;
    cursor_.skip();
  }

  JsonCursor cursor_;
  std::string_view body_;
  TokenCounter& counter_;
  PromptCount count_;
};

}  // namespace

PromptCount walk_texts(std::string_view body, TokenCounter& counter) {
  return TextWalk(body, counter).run();
}

}  // namespace farebox
