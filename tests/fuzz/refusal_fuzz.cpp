// Errors: a provider's of any octets say when to ask again or nothing; ours, with any octets in
// their texts, are JSON that reads as it was meant, in every dialect. The first octet picks the
// dialect, the second the status.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/provider_limits.hpp"
#include "proxy/dialect/error_hint.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "tests/fuzz/dialects.hpp"

namespace {

using namespace farebox;

constexpr int kStatuses[] = {400, 401, 402, 403, 404, 413, 429, 500, 502, 503, 504};

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_object(std::string_view text) {
  JsonCursor cursor(text);
  if (cursor.kind() != JsonCursor::Kind::object) return false;
  cursor.skip();
  return cursor.at_end();
}

// The texts called "message" or, Ollama's way, "error".
std::size_t messages_in(JsonCursor& cursor, std::string_view wanted) {
  std::size_t found = 0;
  cursor.each_member([&](std::string_view key) {
    if (cursor.kind() == JsonCursor::Kind::object) {
      found += messages_in(cursor, wanted);
    } else if (key == "message" || key == "error") {
      const auto text = cursor.string();
      if (text && text->decoded() == wanted) ++found;
    }
  });
  return found;
}

// One event or, Ollama's way, one line; and no other can begin within it.
void check_event(std::string_view event) {
  if (event.empty()) return;
  require(event.ends_with('\n'));
  event.remove_suffix(event.ends_with("\n\n") ? 2 : 1);
  if (event.starts_with("event: error\n")) event.remove_prefix(13);
  if (event.starts_with("data: ")) event.remove_prefix(6);
  require(event.find_first_of("\r\n") == event.npos && is_object(event));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const ErrorHint hint = read_error_hint(text);
  if (hint.retry_after) {
    require(hint.retry_after->count() >= 0 && *hint.retry_after <= kLongestWait);
  }

  const Dialect& dialect = picked_dialect(data[0]);
  Refusal refusal;
  refusal.status = kStatuses[data[1] % std::size(kStatuses)];
  refusal.code = ErrorCode::budget_exceeded;
  refusal.type = text.substr(0, 16);
  refusal.message = text;
  refusal.request_id = "r1";
  if (data[0] & 8) refusal.budget = text.substr(0, 64);
  if (data[0] & 16) refusal.resets_at = "2026-01-01T00:00:00Z";
  const ErrorShape shape = dialect.shape_error(refusal);
  require(is_object(shape.body) && !shape.id_header.empty());
  const bool plain = text.find_first_not_of("\n\r\t \"\\{}[]:,abcdefghijklmnopqrstuvwxyz0123456789") == text.npos;
  JsonCursor cursor(shape.body);
  if (plain) require(messages_in(cursor, text) >= 1);
  // Nobody may take ours for a provider's word on when to ask again.
  const ErrorHint own = read_error_hint(shape.body);
  require(!own.quota_spent || text == "insufficient_quota");
  require(!own.retry_after);
  check_event(dialect.stream_error(refusal));
  return 0;
}
