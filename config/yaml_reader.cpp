#include "config/yaml_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "config/scalars.hpp"
#include "config/suggest.hpp"

namespace farebox {

namespace {

const char* kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::null: return "nothing";
    case YamlNode::Kind::scalar: return "a single value";
    case YamlNode::Kind::list: return "a list";
    case YamlNode::Kind::map: return "a map of keys";
  }
  return "nothing";
}

}  // namespace

void ValueReader::refuse_unseen(std::string_view why) const {
  Place& said = context_.places[path_];
  said = place();
  said.broken = true;
  context_.problems.error(said, fmt::format("{} {}", path_, why));
}

void ValueReader::refuse(std::string_view why) const {
  refuse_unseen(fmt::format("is {}, {}", in_quotes(node_.text), why));
}

void ValueReader::warn_unseen(std::string_view why) const {
  context_.problems.warn(place(), fmt::format("{} {}", path_, why));
}

std::optional<std::string> ValueReader::scalar() const {
  if (node_.kind == YamlNode::Kind::null) {
    refuse_unseen("has no value, which could mean anything; write one or remove the key");
    return std::nullopt;
  }
  if (node_.kind != YamlNode::Kind::scalar) {
    refuse_unseen(fmt::format("is {}, one single value was expected; write it as one word or in "
                              "quotes", kind_name(node_.kind)));
    return std::nullopt;
  }
  if (looks_like_bare_variable(node_.text)) {
    warn_unseen("looks like a variable without braces and is taken literally; write ${NAME} for "
                "the variable, or $$ for a plain $");
  }
  Result<std::string> text = substitute(node_.text, context_.environment);
  if (!text) {
    refuse_unseen(fmt::format("can't be filled in, {}", text.error().context));
    return std::nullopt;
  }
  return std::move(*text);
}

void ValueReader::into(bool& target) const {
  const auto text = scalar();
  if (!text) return;
  const Result<bool> flag = parse_flag(*text);
  if (!flag) return refuse(flag.error().context);
  target = *flag;
}

std::optional<std::uint64_t> ValueReader::count(Count range) const {
  const auto text = scalar();
  if (!text) return std::nullopt;
  const Result<std::uint64_t> number = parse_count(*text);
  if (!number) {
    refuse(number.error().context);
    return std::nullopt;
  }
  if (*number < range.min || *number > range.max) {
    refuse(fmt::format("it is out of range; write a number from {} to {}", range.min, range.max));
    return std::nullopt;
  }
  return *number;
}

void ValueReader::into(std::uint64_t& target, Count range) const {
  if (const auto number = count(range)) target = *number;
}

void ValueReader::into(std::uint32_t& target, Count range) const {
  CHECK(range.max <= std::numeric_limits<std::uint32_t>::max());
  if (const auto number = count(range)) target = static_cast<std::uint32_t>(*number);
}

void ValueReader::into(std::uint64_t& target, Bytes range) const {
  const auto text = scalar();
  if (!text) return;
  const Result<std::uint64_t> bytes = parse_size(*text);
  if (!bytes) return refuse(bytes.error().context);
  if (*bytes < range.min || *bytes > range.max) {
    return refuse(fmt::format("it is out of range; write a size from {} to {}",
                              size_text(range.min), size_text(range.max)));
  }
  target = *bytes;
}

std::optional<std::chrono::milliseconds> ValueReader::duration(Duration range) const {
  const auto text = scalar();
  if (!text) return std::nullopt;
  const Result<std::chrono::milliseconds> time = parse_duration(*text);
  if (!time) {
    refuse(time.error().context);
    return std::nullopt;
  }
  if (*time < range.min || *time > range.max) {
    refuse(fmt::format("it is out of range; write a duration from {} to {}",
                       duration_text(range.min), duration_text(range.max)));
    return std::nullopt;
  }
  return *time;
}

void ValueReader::into(std::chrono::milliseconds& target, Duration range) const {
  if (const auto time = duration(range)) target = *time;
}

void ValueReader::into(std::chrono::seconds& target, Duration range) const {
  if (const auto time = duration(range)) {
    target = std::chrono::duration_cast<std::chrono::seconds>(*time);
  }
}

void ValueReader::into(Money& target) const {
  const auto text = scalar();
  if (!text) return;
  const Result<Money> amount = Money::parse(*text);
  if (!amount || *amount < Money()) {
    return refuse("it is not an amount of US dollars; write it like 500 or 0.5, without a sign, "
                  "currency or exponent and with at most 12 digits after the point");
  }
  target = *amount;
}

void ValueReader::millionths_into(std::uint32_t& target) const {
  const auto text = scalar();
  if (!text) return;
  const Result<std::uint32_t> part = parse_millionths(*text);
  if (!part) return refuse(part.error().context);
  target = *part;
}

void ValueReader::into(std::string& target, const TextRule& rule) const {
  auto text = scalar();
  if (!text) return;
  Result<void> checked = any_text(*text);
  if (checked) checked = rule(*text);
  if (!checked) return refuse(checked.error().context);
  target = std::move(*text);
}

void ValueReader::into(std::vector<std::string>& target, const TextRule& rule) const {
  if (node_.kind == YamlNode::Kind::list) target.clear();
  list([&](const ValueReader& item) {
    std::string text;
    item.into(text, rule);
    target.push_back(std::move(text));
  });
}

bool ValueReader::secret_into(Secret& target) const {
  if (node_.kind == YamlNode::Kind::scalar) {
    for (std::string& name : variables_in(node_.text)) {
      context_.secret_variables.insert(std::move(name));
    }
  }
  auto text = scalar();
  if (!text) return false;
  const Result<void> checked = secret_text(*text);
  if (!checked) {
    refuse_unseen(fmt::format("can't be used, {}", checked.error().context));
    return false;
  }
  target = Secret(std::move(*text));
  return true;
}

std::optional<std::size_t> ValueReader::index_of_word(
    std::span<const std::string_view> words) const {
  const auto text = scalar();
  if (!text) return std::nullopt;
  const auto word = std::find(words.begin(), words.end(), *text);
  if (word != words.end()) return static_cast<std::size_t>(word - words.begin());
  const std::string_view closest = closest_word(*text, words);
  refuse(fmt::format("it must be one of {}; {}", listed(words),
                     closest.empty() ? "write one of them"
                                     : fmt::format("did you mean '{}'?", closest)));
  return std::nullopt;
}

void ValueReader::map(const std::function<void(MapReader&)>& read) const {
  if (node_.kind == YamlNode::Kind::null) {
    return refuse_unseen("has no value, which could mean anything; write its keys, {}, or remove "
                         "it");
  }
  if (node_.kind != YamlNode::Kind::map) {
    return refuse_unseen(fmt::format("is {}, a map was expected; write its keys below it or as "
                                     "{{key: value}}", kind_name(node_.kind)));
  }
  MapReader reader(node_, path_, context_);
  read(reader);
  reader.report_unknown_keys();
}

void ValueReader::list(const std::function<void(const ValueReader&)>& read) const {
  if (node_.kind == YamlNode::Kind::null) {
    return refuse_unseen("has no value, which could mean anything; write a list, [], or remove it");
  }
  if (node_.kind != YamlNode::Kind::list) {
    return refuse_unseen(fmt::format("is {}, a list was expected; write - before each item or put "
                                     "them in [ ]", kind_name(node_.kind)));
  }
  std::size_t index = 0;
  for (const YamlNode& item : node_.items) {
    read(ValueReader(item, fmt::format("{}[{}]", path_, index++), context_));
  }
}

}  // namespace farebox
