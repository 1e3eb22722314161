#include "policy/tokens/chat_rules.hpp"

namespace farebox {
namespace {

// "gpt-5.4-mini": 4; "gpt-5-mini": 0.
unsigned minor_version(std::string_view behind_five) {
  if (behind_five.empty() || behind_five.front() != '.') return 0;
  unsigned minor = 0;
  for (const char c : behind_five.substr(1)) {
    if (c < '0' || c > '9' || minor > 99) break;
    minor = minor * 10 + static_cast<unsigned>(c - '0');
  }
  return minor;
}

// Beside each number: how many recordings come out exactly with it, of those that show it.
// Most of the others say why they can't (the list is in prompt_recordings_test.cpp).
ChatRules classic_rules(PromptApi api) {
  ChatRules rules;  // message, name, priming: 331 of 342 texts
  if (api == PromptApi::chat) {
    rules.call = rules.kept_call = rules.together_call = 13;  // 50 of 55
    rules.wraps_calls = true;
    rules.wrapped_calls = 20;  // 16 of 19
    rules.tools = 9;           // 40 of 41
    rules.joins_system = true;
    rules.joined_tools = 5;          // 43 of 47
    rules.named_choice = 7;          // 10 of 10
    rules.format = 14;               // 18 of 22
    rules.format_after_system = 11;  // 3 of 13, all within 5
    rules.format_after_tools = 7;    // 8 of 9
  } else {
    rules.call = rules.together_call = 11;  // 17 of 18
    rules.kept_call = 14;                   // 9 of 14
    rules.tools = 3;                        // 29 of 34
    rules.named_choice = 7;                 // 2 of 2
    rules.format = rules.format_after_system = rules.format_after_tools = 7;  // 23 of 24
  }
  return rules;
}

// Harmony: each message of the assistant names its channel, the answer's begin doesn't.
ChatRules harmony_rules(ChatGeneration generation, PromptApi api) {
  ChatRules rules;
  rules.generation = generation;
  rules.priming = 2;    // 75 of 75 texts, with `assistant`
  rules.assistant = 2;  // 3 of 3
  rules.opens_apart = true;
  rules.tools = 8;  // responses: 40 of 41
  rules.call = rules.kept_call = rules.together_call = 17;  // gpt-5, responses: 6 of 6
  rules.format = rules.format_after_system = rules.format_after_tools = 6;  // 22 of 23
  if (generation == ChatGeneration::gpt5_late) {
    rules.call = rules.kept_call = 20;  // 12 of 14
    rules.together_call = 25;           // 1 of 1
  }
  if (generation == ChatGeneration::reasoning) {
    if (api == PromptApi::chat) rules.format = rules.format_after_system = 11;  // 1 of 1
    return rules;
  }
  if (generation == ChatGeneration::open_weights) {
    rules.preamble = 61;  // 17 of 21; servers put other dates and instructions in
    rules.system = 4;     // 3 of 4
    rules.tools = 26;     // 2 of 4, the others within 3
    return rules;
  }
  if (api == PromptApi::chat) {
    rules.tools += 82;  // how calls are to be made: 17 of 21, 20 within 1
    rules.call = rules.kept_call = rules.together_call = 19;  // 4 of 6
  } else {
    rules.single_call = 78;  // the same, asked for: 1 of 1
  }
  return rules;
}

}  // namespace

std::string_view bare_model(std::string_view model) {
  if (const auto slash = model.rfind('/'); slash != model.npos) model.remove_prefix(slash + 1);
  for (const std::string_view seller : {"openai.", "ft:"}) {
    if (model.starts_with(seller)) model.remove_prefix(seller.size());
  }
  return model;
}

ChatGeneration chat_generation(std::string_view model) {
  model = bare_model(model);
  if (model.starts_with("gpt-oss")) return ChatGeneration::open_weights;
  if (model.starts_with("o1") || model.starts_with("o3") || model.starts_with("o4")) {
    return ChatGeneration::reasoning;
  }
  if (model.starts_with("gpt-5")) {
    return minor_version(model.substr(5)) >= 2 ? ChatGeneration::gpt5_late : ChatGeneration::gpt5;
  }
  // Azure's own name of a model, whichever version it was; the first had other marks.
  if (model == "gpt-35-turbo") return ChatGeneration::unknown;
  for (const std::string_view begin : {"gpt-3.5", "gpt-35", "gpt-4", "chatgpt-4o"}) {
    if (model.starts_with(begin)) return ChatGeneration::classic;
  }
  return ChatGeneration::unknown;
}

ChatRules chat_rules(std::string_view model, PromptApi api) {
  const ChatGeneration generation = chat_generation(model);
  if (generation != ChatGeneration::classic && generation != ChatGeneration::unknown) {
    return harmony_rules(generation, api);
  }
  ChatRules rules = classic_rules(api);
  rules.generation = generation;
  if (bare_model(model).find("-search-preview") != model.npos) {
    rules.priming = rules.message = rules.name = 0;  // they report the text alone: 3 of 3
  }
  return rules;
}

}  // namespace farebox
