#include "proxy/dialect/json_cursor.hpp"

#include <bitset>
#include <charconv>
#include <cmath>

#include "proxy/dialect/octet_scan.hpp"

namespace farebox {
namespace {

constexpr std::uint64_t kLargestCount = 1ull << 53;  // beyond it doubles skip integers
constexpr std::uint32_t kReplacement = 0xfffd;

bool is_digit(char octet) { return octet >= '0' && octet <= '9'; }

int hex_digit(char octet) {
  if (is_digit(octet)) return octet - '0';
  if (octet >= 'a' && octet <= 'f') return octet - 'a' + 10;
  if (octet >= 'A' && octet <= 'F') return octet - 'A' + 10;
  return -1;
}

// The four hex digits at `at`; take_string has checked that they are there.
std::uint32_t hex_unit(const char* at) {
  std::uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit << 4 | static_cast<std::uint32_t>(hex_digit(at[i]));
  return unit;
}

struct CodePoint {
  std::uint32_t value;
  std::size_t octets_read;
};

// Decodes the escape at `at` (a backslash); RFC 8259 section 7. `end` bounds the low half
// of a surrogate pair.
CodePoint decode_escape(const char* at, const char* end) {
  switch (at[1]) {
    case 'b': return {'\b', 2};
    case 'f': return {'\f', 2};
    case 'n': return {'\n', 2};
    case 'r': return {'\r', 2};
    case 't': return {'\t', 2};
    case 'u': break;
    default: return {static_cast<unsigned char>(at[1]), 2};
  }
  const std::uint32_t unit = hex_unit(at + 2);
  if (unit < 0xd800 || unit > 0xdfff) return {unit, 6};
  if (unit < 0xdc00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
    const std::uint32_t low = hex_unit(at + 8);
    if (low >= 0xdc00 && low <= 0xdfff) {
      return {0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 12};
    }
  }
  return {kReplacement, 6};
}

std::size_t utf8_size(std::uint32_t point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t octet) { out.push_back(static_cast<char>(octet)); };
  switch (utf8_size(point)) {
    case 1: put(point); return;
    case 2: put(0xc0 | point >> 6); break;
    case 3: put(0xe0 | point >> 12), put(0x80 | (point >> 6 & 0x3f)); break;
    default:
      put(0xf0 | point >> 18), put(0x80 | (point >> 12 & 0x3f)), put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

}  // namespace

std::string JsonString::decoded() const {
  if (!escaped) return std::string(raw);
  std::string out;
  const char* end = raw.data() + raw.size();
  for (const char* at = raw.data(); at != end;) {
    if (*at != '\\') {
      out.push_back(*at++);
      continue;
    }
    const CodePoint point = decode_escape(at, end);
    append_utf8(out, point.value);
    at += point.octets_read;
  }
  return out;
}

std::uint64_t JsonString::decoded_size() const {
  if (!escaped) return raw.size();
  std::uint64_t size = 0;
  const char* end = raw.data() + raw.size();
  for (const char* at = raw.data(); at != end;) {
    if (*at != '\\') {
      ++size;
      ++at;
      continue;
    }
    const CodePoint point = decode_escape(at, end);
    size += utf8_size(point.value);
    at += point.octets_read;
  }
  return size;
}

void JsonCursor::fail() {
  failed_ = true;
  at_ = end_;
}

void JsonCursor::skip_blanks() {
  while (at_ != end_ && is_blank(*at_)) ++at_;
}

bool JsonCursor::take(char expected) {
  if (at_ == end_ || *at_ != expected) return false;
  ++at_;
  return true;
}

JsonString JsonCursor::take_string() {
  const char* start = at_;
  bool escaped = false;
  while (true) {
    at_ = find_string_stop(at_, end_);
    if (at_ == end_) break;
    if (*at_ == '"') {
      const JsonString text{{start, static_cast<std::size_t>(at_ - start)}, escaped};
      ++at_;
      return text;
    }
    if (*at_ != '\\' || end_ - at_ < 2) break;
    escaped = true;
    switch (at_[1]) {
      case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        at_ += 2;
        continue;
      case 'u':
        if (end_ - at_ < 6) break;
        if (hex_digit(at_[2]) < 0 || hex_digit(at_[3]) < 0 || hex_digit(at_[4]) < 0 ||
            hex_digit(at_[5]) < 0) {
          break;
        }
        at_ += 6;
        continue;
      default: break;
    }
    break;
  }
  fail();
  return {};
}

std::string_view JsonCursor::take_number() {
  // RFC 8259 section 6: [ minus ] int [ frac ] [ exp ].
  const char* start = at_;
  const auto digits = [this] {
    if (at_ == end_ || !is_digit(*at_)) return false;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return true;
  };
  take('-');
  if (!take('0') && !digits()) return fail(), std::string_view();
  if (take('.') && !digits()) return fail(), std::string_view();
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) return fail(), std::string_view();
  }
  return {start, static_cast<std::size_t>(at_ - start)};
}

void JsonCursor::take_word(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() ||
      std::string_view(at_, word.size()) != word) {
    return fail();
  }
  at_ += word.size();
}

JsonString JsonCursor::take_key() {
  skip_blanks();
  if (!take('"')) return fail(), JsonString();
  const JsonString key = take_string();
  skip_blanks();
  if (!take(':')) return fail(), JsonString();
  skip_blanks();
  return key;
}

JsonCursor::Kind JsonCursor::kind() {
  skip_blanks();
  if (at_ == end_) return Kind::nothing;
  switch (*at_) {
    case '{': return Kind::object;
    case '[': return Kind::array;
    case '"': return Kind::string;
    case 't': case 'f': return Kind::boolean;
    case 'n': return Kind::null;
    case '-': case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9': return Kind::number;
    default: return Kind::nothing;
  }
}

std::optional<JsonString> JsonCursor::string() {
  if (kind() != Kind::string) return skip(), std::nullopt;
  ++at_;
  const JsonString text = take_string();
  if (failed_) return std::nullopt;
  return text;
}

std::optional<std::string_view> JsonCursor::number() {
  if (kind() != Kind::number) return skip(), std::nullopt;
  const std::string_view text = take_number();
  if (failed_) return std::nullopt;
  return text;
}

std::optional<bool> JsonCursor::boolean() {
  if (kind() != Kind::boolean) return skip(), std::nullopt;
  const bool value = *at_ == 't';
  take_word(value ? "true" : "false");
  if (failed_) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> JsonCursor::count() {
  const std::optional<std::string_view> text = number();
  if (!text) return std::nullopt;
  const char* last = text->data() + text->size();
  std::uint64_t value = 0;
  const auto whole = std::from_chars(text->data(), last, value);
  if (whole.ec == std::errc() && whole.ptr == last) {
    return value <= kLargestCount ? std::optional(value) : std::nullopt;
  }
  double real = 0;
  const auto parsed = std::from_chars(text->data(), last, real);
  if (parsed.ec != std::errc() || !(real >= 0) || real > static_cast<double>(kLargestCount) ||
      std::floor(real) != real) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(real);
}

void JsonCursor::skip() {
  switch (kind()) {
    case Kind::string: ++at_, take_string(); return;
    case Kind::number: take_number(); return;
    case Kind::boolean: take_word(*at_ == 't' ? "true" : "false"); return;
    case Kind::null: return take_word("null");
    case Kind::nothing: return fail();
    case Kind::object:
    case Kind::array: return skip_container();
  }
}

void JsonCursor::skip_container() {
  // Iterative, so that a hostile text can't exhaust the stack: one bit per open container.
  std::bitset<kMaxDepth> is_object;
  std::size_t depth = 0;
  while (!failed_) {
    // A value is due.
    skip_blanks();
    if (at_ == end_) return fail();
    bool opened = false;
    switch (*at_) {
      case '"': ++at_, take_string(); break;
      case '{':
      case '[':
        if (depth == kMaxDepth) return fail();
        is_object[depth++] = *at_++ == '{';
        opened = true;
        break;
      case 't': take_word("true"); break;
      case 'f': take_word("false"); break;
      case 'n': take_word("null"); break;
      default: take_number();
    }
    // Behind a value, or just inside a container: close what ends here.
    while (!failed_) {
      if (depth == 0) return;
      skip_blanks();
      const bool object = is_object[depth - 1];
      if (take(object ? '}' : ']')) {
        --depth;
        opened = false;
        continue;
      }
      if (!opened && !take(',')) return fail();
      if (object) take_key();
      break;
    }
  }
}

bool JsonCursor::at_end() {
  if (failed_) return false;
  skip_blanks();
  return at_ == end_;
}

}  // namespace farebox
