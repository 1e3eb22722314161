#include "config/text_rules.hpp"

#include <algorithm>
#include <string>

#include "config/small_file.hpp"

namespace farebox {

namespace {

constexpr std::size_t kMaxTextOctets = 8192;

Error refusal(const char* why) { return Error(ErrorCode::invalid_config, why); }

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Result<void> any_text(std::string_view text) {
  if (has_control(text)) {
    return refusal("it holds a line break or another control character; remove it");
  }
  if (text.size() > kMaxTextOctets) return refusal("it is longer than 8192 octets; shorten it");
  return {};
}

Result<void> some_text(std::string_view text) {
  if (text.empty()) return refusal("it is empty; write a value or remove the key");
  return any_text(text);
}

Result<void> name_text(std::string_view text) {
  if (text.size() > 128) return refusal("it is longer than 128 octets; shorten it");
  return some_text(text);
}

Result<void> scope_text(std::string_view text) {
  if (text.size() > 128) return refusal("it is longer than 128 octets; shorten it");
  return any_text(text);
}

Result<void> tag_value(std::string_view text) {
  if (text.find(',') != text.npos) {
    return refusal("the value of a tag can't hold a comma, which separates tags; use another "
                   "character");
  }
  return name_text(text);
}

bool is_tag_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

Result<void> secret_text(std::string_view text) {
  if (text.ends_with('\n')) {
    return refusal("it ends with a line break, as `echo` adds one; make it with printf '%s'");
  }
  if (has_control(text)) {
    return refusal("it holds a line break or another control character; remove it");
  }
  const auto plain = [](char c) { return c > ' ' && c < 0x7f; };
  if (!std::all_of(text.begin(), text.end(), plain)) {
    return refusal("it holds a space or a character outside ASCII; remove it");
  }
  return {};
}

Result<void> readable_file(std::string_view path) {
  if (path.empty()) return {};
  return check_readable(std::string(path));
}

}  // namespace farebox
