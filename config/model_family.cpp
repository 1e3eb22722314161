#include "config/model_family.hpp"

#include <algorithm>

namespace farebox {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool in_range(std::string_view digits, std::string_view first, std::string_view last) {
  return all_digits(digits) && digits >= first && digits <= last;
}

bool is_month_and_day(std::string_view month, std::string_view day) {
  return in_range(month, "01", "12") && in_range(day, "01", "31");
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

// An ID in a URL may have its colon and its slashes encoded. In lower case.
std::string spelled_out(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (text.find('%') != text.npos) {
    replace_all(text, "%3a", ":");
    replace_all(text, "%2f", "/");
    replace_all(text, "%40", "@");
  }
  return text;
}

std::string_view without_front(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  if (slash != name.npos && slash + 1 < name.size()) name.remove_prefix(slash + 1);
  for (const std::string_view each :
       {"us.", "eu.", "apac.", "jp.", "au.", "ca.", "us-gov.", "global."}) {
    if (name.size() > each.size() && name.starts_with(each)) {
      name.remove_prefix(each.size());
      break;
    }
  }
  for (const std::string_view vendor :
       {"anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "ai21.", "deepseek.", "openai.",
        "qwen.", "writer.", "stability.", "moonshot.", "moonshotai.", "google.", "nvidia.",
        "minimax.", "zai.", "twelvelabs.", "luma."}) {
    if (name.size() > vendor.size() && name.starts_with(vendor)) {
      return name.substr(vendor.size());
    }
  }
  return name;
}

// Without one of "-2024-07-18", "-20250929", "@20250929", "-0613", "-2407", "@default", "-latest".
std::string_view without_snapshot(std::string_view name) {
  for (const std::string_view word : {"-latest", "@latest", "@default"}) {
    if (name.size() > word.size() && name.ends_with(word)) {
      return name.substr(0, name.size() - word.size());
    }
  }
  const auto end = [&](std::size_t size) { return name.substr(name.size() - size); };
  if (name.size() > 11 && end(11)[0] == '-' && end(6)[0] == '-' && end(3)[0] == '-' &&
      in_range(end(10).substr(0, 4), "2000", "2099") &&
      is_month_and_day(end(5).substr(0, 2), end(2))) {
    return name.substr(0, name.size() - 11);
  }
  if (name.size() > 9 && (end(9)[0] == '-' || end(9)[0] == '@') &&
      in_range(end(8).substr(0, 4), "2000", "2099") &&
      is_month_and_day(end(4).substr(0, 2), end(2))) {
    return name.substr(0, name.size() - 9);
  }
  // Month and day, or year and month.
  if (name.size() > 5 && end(5)[0] == '-' &&
      (is_month_and_day(end(4).substr(0, 2), end(2)) ||
       (in_range(end(4).substr(0, 2), "23", "39") && in_range(end(2), "01", "12")))) {
    return name.substr(0, name.size() - 5);
  }
  if (name.size() > 4 && name.starts_with("gemini-") && end(4)[0] == '-' && end(3)[0] == '0' &&
      all_digits(end(3))) {
    return name.substr(0, name.size() - 4);
  }
  return name;
}

// Bedrock's "-v1" behind a snapshot.
std::string_view without_version(std::string_view name) {
  const std::size_t mark = name.rfind("-v");
  if (mark == name.npos || mark == 0 || !all_digits(name.substr(mark + 2))) return name;
  return name.substr(0, mark);
}

}  // namespace

std::string plain_model_name(std::string_view name) {
  std::string text = spelled_out(name);
  std::string plain(without_front(text));
  // Gateways write claude-3.5-haiku for claude-3-5-haiku.
  if (plain.starts_with("claude")) std::replace(plain.begin(), plain.end(), '.', '-');
  return plain;
}

std::string_view family_of_plain(std::string_view plain) {
  if (plain.starts_with("ft:")) return plain;
  const std::size_t colon = plain.find(':');
  std::string_view name = colon == 0 ? plain : plain.substr(0, colon);
  const std::string_view versionless = without_version(name);
  const bool routed = name.size() != plain.size();
  if (versionless.size() != name.size()) {
    const std::string_view family = without_snapshot(versionless);
    if (routed || family.size() != versionless.size()) return family;
    return name;
  }
  return without_snapshot(name);
}

}  // namespace farebox
