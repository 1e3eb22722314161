#include "config/hidden_output.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace farebox {
namespace {

// Families that show what they bill, unless the request asks them to think.
constexpr std::array<std::string_view, 35> kOpen{
    "gpt-3.5",      "gpt-35",       "gpt-4",           "chatgpt-4o",   "davinci-002",
    "babbage-002",  "claude-2",     "claude-3",        "claude-instant", "claude-haiku-4",
    "claude-sonnet-4", "claude-opus-4", "gemini-1",    "gemini-2.0-flash", "gemini-pro",
    "gemma",        "mistral-",     "ministral",       "codestral",    "open-mistral",
    "open-mixtral", "open-codestral", "mixtral",       "pixtral",      "devstral",
    "command",      "llama",        "meta-llama",      "qwen2",        "nova-micro",
    "nova-lite",    "nova-pro",     "grok-2",          "titan",        "jamba"};

// What in a name says that a model of such a family does more than it shows.
constexpr std::array<std::string_view, 7> kClosed{"think",  "reason", "search", "research",
                                                  "audio", "realtime", "image"};

}  // namespace

bool may_hide_output(std::string_view model) {
  constexpr std::size_t kLongestName = 256;
  if (model.size() > kLongestName) return true;
  std::string lower(model);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const std::string_view word : kClosed) {
    if (lower.find(word) != lower.npos) return true;
  }
  std::string_view name = lower;
  while (true) {
    const auto begins = [&](std::string_view begin) { return name.starts_with(begin); };
    if (std::any_of(kOpen.begin(), kOpen.end(), begins)) return false;
    const std::size_t seam = name.find_first_of("/.:");
    if (seam == name.npos) return true;
    name.remove_prefix(seam + 1);
  }
}

}  // namespace farebox
