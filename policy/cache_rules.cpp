#include "policy/cache_rules.hpp"

#include <algorithm>
#include <array>

#include "config/scalars.hpp"

namespace farebox {
namespace {

constexpr std::size_t kMostNames = 32;
constexpr std::size_t kMostName = 128;
constexpr Milliseconds kLongest = std::chrono::hours(24 * 365);
// How long answers stay that only an open breaker brings back.
constexpr Milliseconds kForOpenBreaker = std::chrono::hours(24);

Error refuse(const char* why) {
  return Error(ErrorCode::bad_request, Fault::client, Retry::no, why);
}

Result<Milliseconds> read_ttl(std::string_view text) {
  // Seconds, as HTTP counts them, or a duration as the configuration writes it.
  const auto seconds = parse_count(text);
  if (seconds && *seconds <= 366ull * 86'400) {
    return std::min<Milliseconds>(std::chrono::seconds(*seconds), kLongest);
  }
  const auto duration = parse_duration(text);
  if (duration) return std::min<Milliseconds>(*duration, kLongest);
  return refuse("the ttl of x-farebox-cache is not a number of seconds, nor a duration such as 5m");
}

}  // namespace

Result<CacheWish> parse_cache_wish(std::string_view text) {
  CacheWish wish;
  std::vector<std::string>* list = nullptr;
  const auto add = [&](std::string_view name) -> bool {
    if (name.empty()) return true;
    if (name.size() > kMostName || list->size() == kMostNames) return false;
    if (std::find(list->begin(), list->end(), name) == list->end()) list->emplace_back(name);
    return true;
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",; \t"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (word == "bypass" || word == "no-cache" || word == "no-store") {
      wish.bypass = true;
    } else if (word == "refresh") {
      wish.refresh = true;
    } else if (word == "only") {
      wish.only = true;
    } else if (word.starts_with("ttl=")) {
      const auto ttl = read_ttl(word.substr(4));
      if (!ttl) return ttl.error();
      wish.ttl = *ttl;
    } else if (word.starts_with("tags=")) {
      list = &wish.tags;
      if (!add(word.substr(5))) return refuse("x-farebox-cache names too many tags, or too long ones");
    } else if (word.starts_with("depends-on=") || word.starts_with("dependsOn=")) {
      list = &wish.depends_on;
      if (!add(word.substr(word.find('=') + 1))) {
        return refuse("x-farebox-cache names too much that this depends on, or too long");
      }
    } else if (list != nullptr && word.find('=') == std::string_view::npos) {
      if (!add(word)) return refuse("x-farebox-cache names too many tags, or too long ones");
    } else {
      return refuse("x-farebox-cache says something that isn't bypass, refresh, only, ttl=60, "
                    "tags=a,b or depends-on=a,b");
    }
  }
  if (wish.only && (wish.bypass || wish.refresh)) {
    return refuse("x-farebox-cache: only can't be kept together with bypass or refresh");
  }
  return wish;
}

CacheRule cache_rule(const CacheSettings& settings, const RouteCacheSettings* route,
                     const CacheWish& wish, const CacheFacts& facts, bool stale_on_open) {
  CacheRule rule;
  const bool enabled = settings.enabled && (route == nullptr || route->enabled.value_or(true));
  if (!enabled || !facts.kind) return rule;
  rule.use = CacheUse::bypass;
  if (wish.bypass || !facts.readable) return rule;
  bool deterministic_only = settings.deterministic_only;
  rule.ttl = settings.ttl;
  if (route != nullptr) {
    deterministic_only = route->deterministic_only.value_or(deterministic_only);
    rule.ttl = route->ttl.value_or(rule.ttl);
  }
  // A caller that says how long has thought of it.
  if (deterministic_only && !facts.deterministic && !wish.ttl) return rule;
  rule.ttl = wish.ttl.value_or(rule.ttl);
  if (rule.ttl.count() == 0) return rule;
  rule.use = CacheUse::use;
  rule.while_revalidate = settings.stale_while_revalidate;
  rule.if_error = settings.stale_if_error;
  const Milliseconds stale = std::max({rule.while_revalidate, rule.if_error,
                                       stale_on_open ? kForOpenBreaker : Milliseconds{0}});
  rule.keep = rule.ttl + stale;
  return rule;
}

bool is_complete_finish(std::string_view reason) {
  // OpenAI; Anthropic; OpenAI's Responses; Gemini; Cohere; Bedrock's own models; Ollama and
  // Text Generation Inference. What isn't here (length, max_tokens, content_filter, refusal,
  // SAFETY, pause_turn ...) is no complete answer.
  static constexpr std::array<std::string_view, 17> kComplete{
      "stop",      "tool_calls", "function_call", "end_turn", "tool_use",  "stop_sequence",
      "completed", "STOP",       "COMPLETE",      "TOOL_CALL", "TOOL_CALLS", "STOP_SEQUENCE",
      "FINISH",    "FINISHED",   "eos_token",     "eos",       "complete"};
  return std::find(kComplete.begin(), kComplete.end(), reason) != kComplete.end();
}

bool holds_incomplete_finish(std::string_view content) {
  constexpr std::string_view kBlank = " \t\r\n";
  for (const std::string_view name : {"\"finish_reason\"", "\"finishReason\"", "\"stop_reason\""}) {
    for (std::size_t at = content.find(name); at != std::string_view::npos;
         at = content.find(name, at)) {
      at += name.size();
      std::size_t value = content.find_first_not_of(kBlank, at);
      if (value == std::string_view::npos || content[value] != ':') continue;  // a text of that name
      value = content.find_first_not_of(kBlank, value + 1);
      if (value == std::string_view::npos) return true;
      if (content[value] != '"') continue;  // null, as all events but the last say
      const std::size_t end = content.find('"', value + 1);
      if (end == std::string_view::npos) return true;
      const std::string_view reason = content.substr(value + 1, end - value - 1);
      if (!reason.empty() && !is_complete_finish(reason)) return true;
    }
  }
  return false;
}

bool holds_refusal(std::string_view content) {
  constexpr std::string_view kWord = "\"refusal\"";
  for (std::size_t at = content.find(kWord); at != std::string_view::npos;
       at = content.find(kWord, at)) {
    at += kWord.size();
    std::size_t next = content.find_first_not_of(" \t\r\n", at);
    if (next == std::string_view::npos || content[next] != ':') return true;  // "type": "refusal"
    next = content.find_first_not_of(" \t\r\n", next + 1);
    if (next == std::string_view::npos) return true;
    if (content.substr(next).starts_with("null")) continue;
    return true;
  }
  return false;
}

}  // namespace farebox
