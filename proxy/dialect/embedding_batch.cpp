#include "proxy/dialect/embedding_batch.hpp"

#include <algorithm>

#include "config/base/check.hpp"
#include "proxy/dialect/canonical_json.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::size_t kKept = 64 << 10;  // octets of the digest's buffers

// What one input is.
struct Input {
  std::string_view text;  // as written
  bool tokens = false;
  std::uint64_t most_tokens = 0;
};

bool is_token(std::string_view number) {
  return number.find_first_not_of("0123456789") == std::string_view::npos;
}

// The single input at the cursor; whatever it is, it is consumed. Inside an array of inputs,
// `nested`, it can be no further array of inputs.
std::optional<Input> read_input(JsonCursor& cursor, bool nested) {
  const Kind kind = cursor.kind();
  const std::size_t begin = cursor.offset();
  if (kind == Kind::string) {
    const auto text = cursor.string();
    if (!text || text->raw.empty()) return std::nullopt;
    return Input{cursor.since(begin), false, text->decoded_size()};
  }
  std::optional<Input> inner;  // the one input of an array of inputs
  std::uint64_t tokens = 0, others = 0;
  cursor.each_element([&] {
    if (cursor.kind() == Kind::number) {
      const auto number = cursor.number();
      ++(number && is_token(*number) ? tokens : others);
    } else {
      if (!nested) inner = read_input(cursor, true);
      ++others;
    }
  });
  if (tokens != 0 && others == 0) return Input{cursor.since(begin), true, tokens};
  if (tokens == 0 && others == 1) return inner;
  return std::nullopt;
}

}  // namespace

std::optional<EmbeddingCall> read_embedding_call(std::string_view body) {
  if (body.size() > CanonicalJson::kMostOctets) return std::nullopt;
  thread_local CanonicalJson canonical;
  canonical.clear(kKept);
  JsonCursor cursor(body);
  if (cursor.kind() != Kind::object) return std::nullopt;
  EmbeddingCall call;
  std::optional<Input> input;
  bool usable = true;
  canonical.add_object(cursor, [&](std::string_view key) {
    if (key == "stream") usable = false;
    if (key != "input") return true;
    if (!call.before.empty()) usable = false;  // it came before
    const std::size_t begin = cursor.offset();
    call.before = body.substr(0, begin);
    input = read_input(cursor, false);
    call.after = body.substr(cursor.offset());
    return false;
  });
  if (!cursor.at_end() || !usable || !input || canonical.unsure()) return std::nullopt;
  canonical.add_mark(input->tokens ? '1' : '0');
  call.input = input->text;
  call.group = sha256(canonical.text());
  call.most_tokens = input->most_tokens;
  return call;
}

std::string join_embedding_calls(std::span<const EmbeddingCall> calls) {
  CHECK(!calls.empty());
  std::size_t size = calls.front().before.size() + calls.front().after.size() + 2;
  for (const EmbeddingCall& call : calls) size += call.input.size() + 1;
  std::string body;
  body.reserve(size);
  body.append(calls.front().before);
  for (const EmbeddingCall& call : calls) {
    body += &call == &calls.front() ? '[' : ',';
    body.append(call.input);
  }
  body += ']';
  body.append(calls.front().after);
  return body;
}

}  // namespace farebox
