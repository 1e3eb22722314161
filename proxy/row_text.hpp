// What stands in a row of an admin answer, as text for a table. Plain functions, for the
// commands that print tables; `Json` is either of nlohmann's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace farebox::row_text {

// The text of a member; empty: there is none.
template <class Json>
std::string text_at(const Json& row, const char* name) {
  const auto found = row.find(name);
  return found != row.end() && found->is_string() ? found->template get<std::string>()
                                                  : std::string();
}

// The same, and "-" for none.
template <class Json>
std::string cell(const Json& row, const char* name) {
  std::string text = text_at(row, name);
  return text.empty() ? "-" : text;
}

// "project=search user=ann"; "all" for a scope without parts.
template <class Json>
std::string scope_of(const Json& row) {
  const auto scope = row.find("scope");
  if (scope == row.end() || !scope->is_object()) return "-";
  std::string text;
  for (const auto& [name, value] : scope->items()) {
    if (!text.empty()) text += ' ';
    text += name + '=' + (value.is_string() ? value.template get<std::string>() : value.dump());
  }
  return text.empty() ? "all" : text;
}

}  // namespace farebox::row_text
