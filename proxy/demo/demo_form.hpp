// DemoForm: answers written as they look on the wire, with $names to fill in.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace farebox {

class DemoForm {
 public:
  DemoForm& set(std::string_view name, std::uint64_t number);
  DemoForm& set_text(std::string_view name, std::string_view text);  // as a JSON string
  DemoForm& set_json(std::string_view name, std::string json);       // as it is

  // The pattern with every $name (letters and _) replaced. A name nobody set is a bug.
  std::string fill(std::string_view pattern) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace farebox
