#include "proxy/dialect/bedrock_usage.hpp"

#include <charconv>

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr Tokens kLargestCount = 1ull << 53;  // as JsonCursor::count has it

// A count that may stand under two names. False: it was said, and is none.
bool take_count(JsonCursor& cursor, std::optional<Tokens>& into) {
  const bool said = cursor.kind() != Kind::null;
  const std::optional<Tokens> count = cursor.count();
  if (count) into = count;
  return into || !said;
}

// [{"ttl": "5m" or "1h", "inputTokens": n}]: the cache writes by how long they are kept.
void read_cache_details(JsonCursor& cursor, BedrockUsage& usage) {
  if (cursor.kind() != Kind::array) return;
  Tokens hour = 0;
  cursor.each_element([&] {
    JsonString ttl;
    std::optional<Tokens> count;
    cursor.each_member([&](std::string_view key) {
      if (key == "ttl") {
        if (const auto text = cursor.string()) ttl = *text;
      } else if (key == "inputTokens") {
        count = cursor.count();
      }
    });
    if (ttl.raw != "1h") return;
    if (!count || hour > kLargestCount) {
      usage.cache_unusable = true;
    } else {
      hour += *count;
    }
  });
  usage.cache_write_1h = hour;
}

// {"webSearchRequests": 2}: what the provider ran for the model, billed by the call.
void read_server_tools(JsonCursor& cursor, BedrockUsage& usage) {
  constexpr std::size_t kMost = 16;
  usage.server_tools.clear();
  cursor.each_member([&](std::string_view key) {
    const std::optional<std::uint64_t> count = cursor.count(usage.tools_unusable);
    if (!count || *count == 0 || usage.server_tools.size() == kMost) return;
    UsageExtra& tool = usage.server_tools.emplace_back();
    const bool search = key == "webSearchRequests" || key == "web_search_requests";
    tool.type = search ? "web_search" : std::string(key.substr(0, 64));
    tool.count = *count;
  });
}

std::optional<Tokens> count_of(const http::ResponseHead& head, std::string_view name) {
  const std::string_view text = head.value(name);
  Tokens value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      value > kLargestCount) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

BedrockUsage BedrockUsage::read(JsonCursor& cursor) {
  BedrockUsage usage;
  bool read_usable = true, write_usable = true;
  cursor.each_member([&](std::string_view key) {
    if (key == "inputTokens" || key == "inputTokenCount") {
      usage.input = cursor.count();
    } else if (key == "outputTokens" || key == "outputTokenCount") {
      usage.output = cursor.count();
    } else if (key == "totalTokens") {
      usage.total = cursor.count();
    } else if (key == "cacheReadInputTokens" || key == "cacheReadInputTokenCount") {
      read_usable = take_count(cursor, usage.cache_read);
    } else if (key == "cacheWriteInputTokens" || key == "cacheWriteInputTokenCount") {
      write_usable = take_count(cursor, usage.cache_write);
    } else if (key == "cacheDetails") {
      read_cache_details(cursor, usage);
    } else if (key == "serverToolUsage") {
      read_server_tools(cursor, usage);
    }
  });
  if (!read_usable || !write_usable) usage.cache_unusable = true;
  return usage;
}

BedrockUsage BedrockUsage::read(const http::ResponseHead& head) {
  BedrockUsage usage;
  usage.input = count_of(head, "x-amzn-bedrock-input-token-count");
  usage.output = count_of(head, "x-amzn-bedrock-output-token-count");
  const auto cache = [&](std::string_view name, std::optional<Tokens>& into) {
    into = count_of(head, name);
    if (!into && !head.value(name).empty()) usage.cache_unusable = true;
  };
  cache("x-amzn-bedrock-cache-read-input-token-count", usage.cache_read);
  cache("x-amzn-bedrock-cache-write-input-token-count", usage.cache_write);
  return usage;
}

void BedrockUsage::fill_from(const BedrockUsage& other) {
  if (!input) input = other.input;
  if (!output) output = other.output;
  if (!total) total = other.total;
  if (!cache_read && !cache_write) {
    cache_read = other.cache_read;
    cache_write = other.cache_write;
    cache_unusable = cache_unusable || other.cache_unusable;
  }
  if (!cache_write_1h) cache_write_1h = other.cache_write_1h;
  if (server_tools.empty()) server_tools = other.server_tools;
}

bool BedrockUsage::put_into(Usage& usage, bool has_output) const {
  usage.extras.insert(usage.extras.end(), server_tools.begin(), server_tools.end());
  if (cache_unusable) return false;
  usage.unusable_part = tools_unusable;
  const Tokens cached = cache_read.value_or(0) + cache_write.value_or(0);
  std::optional<Tokens> in = input;
  std::optional<Tokens> out = output;
  if (!has_output && !out) out = 0;
  // What one side doesn't say follows from the total, which has the cache.
  if (in && !out && total && *total >= *in + cached) out = *total - *in - cached;
  if (out && !in && total && *total >= *out + cached) in = *total - *out - cached;
  if (!in || !out) return false;
  usage.input = *in + cached;
  usage.output = *out;
  usage.cached_input = cache_read.value_or(0);
  usage.cache_write = cache_write.value_or(0);
  usage.cache_write_1h = cache_write_1h.value_or(0);
  usage.source = UsageSource::reported;
  return true;
}

}  // namespace farebox
