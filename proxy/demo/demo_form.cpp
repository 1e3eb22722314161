#include "proxy/demo/demo_form.hpp"

#include "config/base/check.hpp"
#include "config/base/json_writer.hpp"

namespace farebox {

DemoForm& DemoForm::set(std::string_view name, std::uint64_t number) {
  return set_json(name, std::to_string(number));
}

DemoForm& DemoForm::set_text(std::string_view name, std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return set_json(name, std::move(json));
}

DemoForm& DemoForm::set_json(std::string_view name, std::string json) {
  values_.insert_or_assign(std::string(name), std::move(json));
  return *this;
}

std::string DemoForm::fill(std::string_view pattern) const {
  constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz_";
  std::string filled;
  for (std::size_t dollar = pattern.find('$'); dollar != pattern.npos; dollar = pattern.find('$')) {
    filled += pattern.substr(0, dollar);
    pattern.remove_prefix(dollar + 1);
    const std::size_t size = std::min(pattern.find_first_not_of(kNameCharacters), pattern.size());
    const auto value = values_.find(pattern.substr(0, size));
    CHECK(value != values_.end());
    filled += value->second;
    pattern.remove_prefix(size);
  }
  return filled.append(pattern);
}

}  // namespace farebox
