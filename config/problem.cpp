#include "config/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

namespace farebox {

namespace {

// A file name or a key may hold anything; a line break would make two lines of one.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) {
      line += fmt::format("\\x{:02x}", octet);
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

std::string to_line(const ConfigProblem& problem) {
  std::string line = problem.file;
  if (problem.line > 0) line += fmt::format(":{}", problem.line);
  line += problem.warning ? ": warning: " : ": ";
  return one_line(line + problem.text);
}

void Problems::error(const Place& place, std::string text) {
  errors.push_back({place.file, place.line, std::move(text), false});
}

void Problems::warn(const Place& place, std::string text) {
  warnings.push_back({place.file, place.line, std::move(text), true});
}

void sort_by_line(std::vector<ConfigProblem>& problems) {
  const auto position = [](const ConfigProblem& problem) {
    return problem.line == 0 ? INT_MAX : problem.line;
  };
  std::stable_sort(problems.begin(), problems.end(),
                   [&](const auto& a, const auto& b) { return position(a) < position(b); });
}

std::string in_quotes(std::string_view value) {
  constexpr std::size_t kLongest = 60;
  std::string shown;
  if (const auto at = value.rfind('@'); at != value.npos) {
    shown = "***";
    value.remove_prefix(at);
  }
  const auto query = value.find('?');
  if (query != value.npos) value = value.substr(0, query + 1);
  shown += value;
  if (query != value.npos) shown += "***";
  if (shown.size() > kLongest) {
    std::size_t end = kLongest;
    // Never cut inside a UTF-8 sequence.
    while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) --end;
    shown = shown.substr(0, end) + "...";
  }
  return "'" + shown + "'";
}

std::string key_in_quotes(std::string_view key) {
  const auto colon = key.find(':');
  if (colon == key.npos) return in_quotes(key);
  return in_quotes(fmt::format("{}:...", key.substr(0, colon)));
}

}  // namespace farebox
