#include "proxy/dialect/prompt_tally.hpp"

#include <algorithm>
#include <utility>

#include "policy/tokens/json_text.hpp"
#include "proxy/dialect/json_print.hpp"
#include "proxy/dialect/json_tree.hpp"
#include "proxy/dialect/tool_text.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

// What is larger is counted as it lies instead of being written again.
constexpr std::size_t kMostRewritten = std::size_t{1} << 20;

// Arguments as the model sees them: the same JSON without blanks; or as they are, if they
// are no JSON.
void append_arguments(std::string& out, const JsonString& arguments) {
  const std::string text = arguments.decoded();
  if (const auto tree = JsonTree::read(text)) {
    append_json(out, *tree, tree->root(), JsonStyle::compact);
  } else {
    out += text;
  }
}

}  // namespace

PromptTally::PromptTally(TokenCounter& counter, std::string_view model, PromptApi api)
    : counter_(&counter),
      rules_(chat_rules(model, api)),
      images_(image_rule(model)),
      system_(counter) {
  result_.parts.marks = rules_.preamble + rules_.priming;
  if (rules_.generation >= ChatGeneration::open_weights) doubt(PromptDoubt::model);
}

std::uint64_t PromptTally::count(const JsonString& text) {
  return text.escaped ? count_json_string(*counter_, text.raw) : counter_->count(text.raw);
}

void PromptTally::doubt(PromptDoubt doubt) { result_.doubt = std::max(result_.doubt, doubt); }

void PromptTally::message(Role role) {
  end_text();
  end_results();
  result_.parts.marks += rules_.message + (role == Role::assistant ? rules_.assistant : 0);
  in_system_ = role == Role::system && !has_system_;
  if (in_system_) result_.parts.marks += rules_.system;
  if (role == Role::system) has_system_ = true;
}

void PromptTally::name(const JsonString& name) { result_.parts.marks += rules_.name + count(name); }

void PromptTally::text(const JsonString& text) {
  if (in_system_ && rules_.joins_system) {
    feed_json_string(system_, text.raw);
  } else if (texts_) {
    feed_json_string(*texts_, text.raw);
  } else if (held_) {
    texts_.emplace(*counter_);
    feed_json_string(*texts_, held_->raw);
    feed_json_string(*texts_, text.raw);
    held_.reset();
  } else {
    held_ = text;
  }
}

void PromptTally::end_text() {
  if (held_) result_.parts.text += count(*held_);
  if (texts_) result_.parts.text += texts_->tokens();
  held_.reset();
  texts_.reset();
}

void PromptTally::image(std::string_view url, ImageDetail detail) {
  end_text();
  if (!images_) return doubt(PromptDoubt::unread);
  const auto size = image_size_of_data_url(url);
  result_.parts.images +=
      size ? image_tokens(*images_, *size, detail) : most_image_tokens(*images_, detail);
  doubt(size || (detail == ImageDetail::low && !images_->patches) ? PromptDoubt::images
                                                                  : PromptDoubt::unknown_image);
}

void PromptTally::calls(std::span<const FunctionCall> calls) {
  end_results();
  in_system_ = false;
  doubt(PromptDoubt::tools);
  std::size_t octets = 0;
  for (const FunctionCall& call : calls) octets += call.arguments.raw.size();
  if (rules_.wraps_calls && calls.size() > 1 && octets <= kMostRewritten) {
    return add_wrapped(calls);
  }
  for (const FunctionCall& call : calls) add_call(call, calls.size() > 1);
}

// One call, and the marks of its result: "<start>assistant to=functions.NAME<message>...",
// "<start>functions.NAME ...". The dot is part of the name's first token where there is one.
void PromptTally::add_call(const FunctionCall& call, bool together) {
  result_.parts.calls += together   ? rules_.together_call
                         : call.kept ? rules_.kept_call
                                     : rules_.call;
  scratch_ = '.';
  scratch_ += call.name.raw;
  result_.parts.calls += count(call.name) + count(std::string_view(scratch_));
  if (call.arguments.raw.size() > kMostRewritten) {
    result_.parts.calls += count(call.arguments);
    return;
  }
  scratch_.clear();
  append_arguments(scratch_, call.arguments);
  result_.parts.calls += count(std::string_view(scratch_));
}

void PromptTally::add_wrapped(std::span<const FunctionCall> calls) {
  scratch_ = R"({"tool_uses":[)";
  for (const FunctionCall& call : calls) {
    if (&call != calls.data()) scratch_ += ',';
    scratch_ += R"({"recipient_name":"functions.)";
    scratch_ += call.name.raw;
    scratch_ += R"(","parameters":)";
    append_arguments(scratch_, call.arguments);
    scratch_ += '}';
  }
  scratch_ += "]}";
  result_.parts.calls += rules_.wrapped_calls + count(std::string_view(scratch_));
  results_.emplace();
}

void PromptTally::result_text(const JsonString& text) {
  if (results_) {
    one_result_ += text.decoded();
  } else {
    result_.parts.text += count(text);
  }
}

// The results of wrapped calls stand in one array: what is JSON as JSON, the rest as strings.
void PromptTally::end_result() {
  in_system_ = false;
  if (!results_) return;
  *results_ += results_->empty() ? "[" : ", ";
  const auto tree = JsonTree::read(one_result_);
  if (tree) {
    append_json(*results_, *tree, tree->root(), JsonStyle::spaced);
  } else {
    append_json_text(*results_, one_result_);
  }
  one_result_.clear();
  if (results_->size() > kMostRewritten) {  // the rest begins another
    result_.parts.text += count(std::string_view(*results_));
    results_->clear();
  }
}

void PromptTally::end_results() {
  if (!results_) return;
  if (!results_->empty()) result_.parts.text += count(std::string_view(*results_ += ']'));
  results_.reset();
}

// Within a fifth: 11 of 14 recordings of 65 to 382 tokens; of 1800 it gives two thirds.
void PromptTally::reasoning(std::uint64_t octets) {
  result_.parts.reasoning += octets * 2 / 15;
  doubt(PromptDoubt::elsewhere);
}

std::uint64_t PromptTally::joined_to_system(std::string_view text) {
  const std::uint64_t before = system_.tokens();
  result_.parts.text += before;
  system_.feed("\n\n");
  system_.feed(text);
  const std::uint64_t joined = system_.tokens() - before;
  system_ = StreamCounter(*counter_);
  return joined;
}

void PromptTally::add_definitions(std::string_view list, ToolText& text) {
  if (list.empty()) return;
  const auto tree = JsonTree::read(list);
  if (!tree || tree->root().kind != Kind::array) {
    result_.parts.tools += count(list);
    return doubt(PromptDoubt::hidden);
  }
  for (const JsonNode* tool = tree->child(tree->root()); tool != nullptr;
       tool = tree->next(*tool)) {
    const JsonNode* const type = tree->find(tool, "type", Kind::string);
    const JsonNode* const function = tree->find(tool, "function", Kind::object);
    if (type != nullptr && type->text.raw != "function") {
      doubt(PromptDoubt::hidden);
    } else {
      text.add(*tree, function != nullptr ? *function : *tool);
    }
  }
}

void PromptTally::tools(std::string_view tools, std::string_view functions) {
  end_results();
  ToolText text;
  add_definitions(tools, text);
  add_definitions(functions, text);
  if (text.functions() == 0) return;
  has_tools_ = true;
  doubt(text.whole() ? PromptDoubt::tools : PromptDoubt::hidden);
  const std::string whole = text.finish();
  if (rules_.joins_system && has_system_) {
    result_.parts.tools += rules_.joined_tools + joined_to_system(whole);
  } else if (rules_.opens_apart) {
    constexpr std::size_t kOpening = ToolText::kOpening.size();
    result_.parts.tools += rules_.tools + count(ToolText::kOpening) +
                           count(std::string_view(whole).substr(kOpening));
  } else {
    result_.parts.tools += rules_.tools + count(std::string_view(whole));
  }
}

void PromptTally::named_choice(const JsonString& name) {
  if (has_tools_ && rules_.named_choice != 0) {
    result_.parts.tools += rules_.named_choice + count(name);
  }
}

void PromptTally::single_call() {
  if (has_tools_) result_.parts.tools += rules_.single_call;
}

void PromptTally::format(const JsonString& name, const JsonString& description,
                         std::string_view schema) {
  doubt(PromptDoubt::format);
  result_.parts.format += has_tools_    ? rules_.format_after_tools
                          : has_system_ ? rules_.format_after_system
                                        : rules_.format;
  result_.parts.format += count(name) + count(description);
  if (!description.raw.empty()) result_.parts.format += rules_.format_description;
  const auto tree = JsonTree::read(schema);
  if (!tree) {
    result_.parts.format += count(schema);
    return;
  }
  scratch_.clear();
  append_json(scratch_, *tree, tree->root(), JsonStyle::schema);
  result_.parts.format += count(std::string_view(scratch_));
}

PromptCount PromptTally::finish() {
  end_text();
  end_results();
  PromptParts& parts = result_.parts;
  parts.text += system_.tokens();
  result_.tokens = parts.text + parts.marks + parts.calls + parts.tools + parts.format +
                   parts.images + parts.reasoning;
  return result_;
}

}  // namespace farebox
