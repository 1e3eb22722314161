#include "tests/mock/fast_answers.hpp"

#include <strings.h>

#include <array>
#include <charconv>
#include <cstdio>

namespace farebox::mock {

namespace {

constexpr std::size_t kWholeSize = 900;
constexpr std::size_t kChunks = 64;
constexpr std::size_t kChunkSize = 180;
constexpr std::string_view kUsage =
    R"("usage":{"prompt_tokens":25,"completion_tokens":61,"total_tokens":86})";
constexpr std::string_view kChunkStart =
    R"(data: {"id":"chatcmpl-fast","object":"chat.completion.chunk","model":"gpt-4.1",)";
constexpr std::string_view kEventEnd = "}\n\n";

std::string padded(std::string_view before, std::string_view after, std::size_t size) {
  std::string out(before);
  out.append(size - before.size() - after.size(), 'x');
  return out.append(after);
}

std::string whole_body() {
  const std::string before =
      R"({"id":"chatcmpl-fast","object":"chat.completion","created":1760000000,"model":"gpt-4.1",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":")";
  const std::string after =
      R"(","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],)" +
      std::string(kUsage) + R"(,"service_tier":"default","system_fingerprint":"fp_fast"})";
  return padded(before, after, kWholeSize);
}

std::string content_event() {
  return padded(std::string(kChunkStart) + R"("choices":[{"index":0,"delta":{"content":")",
                R"("}}])" + std::string(kEventEnd), kChunkSize);
}

std::string finish_event() {
  return padded(std::string(kChunkStart) +
                    R"("choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"obfuscation":")",
                "\"" + std::string(kEventEnd), kChunkSize);
}

std::string usage_event() {
  std::string event = std::string(kChunkStart) + R"("choices":[],)" + std::string(kUsage);
  event.append(kChunkSize - event.size() - kEventEnd.size(), ' ');
  return event.append(kEventEnd);
}

std::string chunk(std::string_view octets) {
  std::array<char, 24> size;
  const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", octets.size());
  std::string out(size.data(), static_cast<std::size_t>(n));
  return out.append(octets).append("\r\n");
}

PreparedAnswer make_whole() {
  const std::string body = whole_body();
  return {{"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body}};
}

// 61 content events, the last choice, the usage event or one more content
// event, and [DONE] behind a comment, so that all 64 have one size.
PreparedAnswer make_stream(bool usage) {
  PreparedAnswer answer;
  answer.writes.push_back(
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
  for (std::size_t i = 0; i + 3 < kChunks; ++i) answer.writes.push_back(chunk(content_event()));
  if (!usage) answer.writes.push_back(chunk(content_event()));
  answer.writes.push_back(chunk(finish_event()));
  if (usage) answer.writes.push_back(chunk(usage_event()));
  answer.writes.push_back(chunk(padded(": ", "\n\ndata: [DONE]\n\n", kChunkSize)) + "0\r\n\r\n");
  return answer;
}

// Value of a field in a head, found without building a list of fields.
std::string_view field_in(std::string_view head, std::string_view name) {
  std::size_t at = 0;
  while ((at = head.find("\r\n", at)) != std::string_view::npos) {
    at += 2;
    if (head.size() - at > name.size() && head[at + name.size()] == ':' &&
        strncasecmp(head.data() + at, name.data(), name.size()) == 0) {
      std::string_view value = head.substr(at + name.size() + 1);
      value = value.substr(0, value.find("\r\n"));
      while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
      return value;
    }
  }
  return {};
}

FastKind kind_of(std::string_view head, std::string_view body) {
  const bool stream = head.substr(0, head.find("\r\n")).find("/stream64") != std::string_view::npos ||
                      body.find("\"stream\":true") != std::string_view::npos ||
                      body.find("\"stream\": true") != std::string_view::npos;
  if (!stream) return FastKind::whole;
  return body.find("include_usage") != std::string_view::npos ? FastKind::stream_with_usage
                                                              : FastKind::stream;
}

}  // namespace

FastRequest find_request(std::string_view inbox) {
  const auto head_end = inbox.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return {};
  const std::string_view head = inbox.substr(0, head_end + 2);
  const std::size_t begin = head_end + 4;
  std::size_t end = begin;
  if (const auto length = field_in(head, "content-length"); !length.empty()) {
    std::size_t size = 0;
    std::from_chars(length.data(), length.data() + length.size(), size);
    end = begin + size;
  } else if (!field_in(head, "transfer-encoding").empty()) {
    const auto last = inbox.find("0\r\n\r\n", begin);
    if (last == std::string_view::npos) return {};
    end = last + 5;
  }
  if (end > inbox.size()) return {};
  return {end, kind_of(head, inbox.substr(begin, end - begin))};
}

const PreparedAnswer& prepared_answer(FastKind kind) {
  static const PreparedAnswer whole = make_whole();
  static const PreparedAnswer stream = make_stream(false);
  static const PreparedAnswer with_usage = make_stream(true);
  if (kind == FastKind::whole) return whole;
  return kind == FastKind::stream ? stream : with_usage;
}

}  // namespace farebox::mock
