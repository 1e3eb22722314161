#include "config/environment.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "config/base/secret.hpp"

namespace farebox {

namespace {

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// `inside` is what stands between ${ and }.
Result<std::string> value_of(std::string_view inside, const Environment& environment) {
  const auto separator = inside.find(":-");
  const std::string_view name = inside.substr(0, separator);
  if (!is_variable_name(name)) {
    return Error(ErrorCode::invalid_config,
                 "it holds ${...} without the name of a variable; write ${NAME} or "
                 "${NAME:-default}, and $$ for a plain $");
  }
  const std::optional<std::string> value = environment ? environment(name) : std::nullopt;
  if (separator == inside.npos) {
    if (value) return *value;
    return Error(ErrorCode::invalid_config,
                 fmt::format("the environment variable {0} is not set; set it, or write "
                             "${{{0}:-default}} with a default",
                             name));
  }
  if (value && !value->empty()) return *value;
  const std::string_view otherwise = inside.substr(separator + 2);
  if (otherwise.find("${") != otherwise.npos) {
    return Error(ErrorCode::invalid_config,
                 fmt::format("the default of {} holds another ${{...}}, which is not supported; "
                             "write a plain default",
                             name));
  }
  return std::string(otherwise);
}

// What hide_variables took out. A reload may ask from another thread.
struct Hidden {
  std::mutex mutex;
  std::map<std::string, Secret, std::less<>> values;
};
Hidden& hidden() {
  static Hidden all;
  return all;
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    {
      const std::lock_guard lock(hidden().mutex);
      const auto kept = hidden().values.find(name);
      if (kept != hidden().values.end()) return std::string(kept->second.reveal());
    }
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

void hide_variables(const std::set<std::string, std::less<>>& names) {
  const std::lock_guard lock(hidden().mutex);
  for (const std::string& name : names) {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) continue;
    hidden().values[name] = Secret(std::string(value));
    // A name may stand there twice, and getenv finds the first only.
    const std::string prefix = name + "=";
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!std::string_view(*entry).starts_with(prefix)) continue;
      char* const text = *entry + prefix.size();
      OPENSSL_cleanse(text, std::strlen(text));
    }
    ::unsetenv(name.c_str());
  }
}

std::vector<std::string> variables_in(std::string_view text) {
  std::vector<std::string> names;
  for (auto at = text.find('$'); at != text.npos; at = text.find('$', at)) {
    if (text.substr(at).starts_with("${")) {
      const auto end = text.find('}', at);
      const std::string_view inside = text.substr(at + 2, end == text.npos ? end : end - at - 2);
      names.emplace_back(inside.substr(0, inside.find(":-")));
    }
    at += 2;  // behind ${ and behind $$
    if (at > text.size()) break;
  }
  return names;
}

Result<std::string> substitute(std::string_view text, const Environment& environment) {
  std::string replaced;
  while (!text.empty()) {
    const auto dollar = text.find('$');
    replaced += text.substr(0, dollar);
    if (dollar == text.npos) break;
    text.remove_prefix(dollar);
    if (text.starts_with("$$")) {
      replaced += '$';
      text.remove_prefix(2);
    } else if (text.starts_with("${")) {
      const auto end = text.find('}');
      if (end == text.npos) {
        return Error(ErrorCode::invalid_config,
                     "it holds ${ without a closing }; close it, or write $$ for a plain $");
      }
      const Result<std::string> value = value_of(text.substr(2, end - 2), environment);
      if (!value) return value.error();
      replaced += *value;
      text.remove_prefix(end + 1);
    } else {
      replaced += '$';
      text.remove_prefix(1);
    }
  }
  return replaced;
}

bool looks_like_bare_variable(std::string_view text) {
  return text.starts_with('$') && is_variable_name(text.substr(1));
}

}  // namespace farebox
