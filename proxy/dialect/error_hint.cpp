#include "proxy/dialect/error_hint.hpp"

#include "policy/provider_limits.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {
namespace {

constexpr std::string_view kQuota = "insufficient_quota";
constexpr std::string_view kRetryInfo = "type.googleapis.com/google.rpc.RetryInfo";

bool says(JsonCursor& at, std::string_view word) {
  const auto text = at.string();
  return text && text->raw == word;
}

void read_detail(JsonCursor& at, ErrorHint& hint) {
  bool is_retry_info = false;
  std::optional<std::chrono::nanoseconds> delay;
  at.each_member([&](std::string_view key) {
    if (key == "@type") is_retry_info = says(at, kRetryInfo);
    if (key == "retryDelay") {
      if (const auto text = at.string()) delay = parse_reset(text->raw, WallTime{});
    }
  });
  if (is_retry_info && delay) hint.retry_after = delay;
}

void read_error(JsonCursor& at, ErrorHint& hint) {
  at.each_member([&](std::string_view key) {
    if (key == "code" || key == "type") {
      if (says(at, kQuota)) hint.quota_spent = true;
    } else if (key == "details") {
      at.each_element([&] { read_detail(at, hint); });
    }
  });
}

void read_body(JsonCursor& at, ErrorHint& hint) {
  at.each_member([&](std::string_view key) {
    if (key == "error") read_error(at, hint);
  });
}

}  // namespace

ErrorHint read_error_hint(std::string_view body) {
  ErrorHint hint;
  JsonCursor at(body);
  // Gemini's streams that aren't events are an array, and so are their errors.
  if (at.kind() == JsonCursor::Kind::array) {
    at.each_element([&] { read_body(at, hint); });
  } else {
    read_body(at, hint);
  }
  return at.at_end() ? hint : ErrorHint();
}

}  // namespace farebox
