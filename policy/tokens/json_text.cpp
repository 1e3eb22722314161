#include "policy/tokens/json_text.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "policy/tokens/characters.hpp"

namespace farebox {
namespace {

constexpr std::size_t kBuffer = 16 << 10;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::size_t put(std::span<char> out, std::string_view text) {
  std::copy(text.begin(), text.end(), out.begin());
  return text.size();
}

std::size_t put(std::span<char> out, std::uint32_t code) {
  const auto low = [code](unsigned shift) {
    return static_cast<char>(0x80 | (code >> shift & 0x3F));
  };
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  if (code < 0x800) {
    out[0] = static_cast<char>(0xC0 | code >> 6);
    out[1] = low(0);
    return 2;
  }
  if (code < 0x10000) {
    out[0] = static_cast<char>(0xE0 | code >> 12);
    out[1] = low(6);
    out[2] = low(0);
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | code >> 18);
  out[1] = low(12);
  out[2] = low(6);
  out[3] = low(0);
  return 4;
}

// The code unit of "\uXXXX" at the front.
std::optional<std::uint32_t> code_unit(std::string_view raw) {
  if (raw.size() < 6 || raw[0] != '\\' || raw[1] != 'u') return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : raw.substr(2, 4)) {
    const char letter = static_cast<char>(c | 0x20);
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (letter >= 'a' && letter <= 'f') {
      digit = static_cast<std::uint32_t>(letter - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

char escaped(char c) {
  switch (c) {
    case '"': case '\\': case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
  }
}

}  // namespace

// At most `out`, which has room for any character, as far as the next escape.
std::size_t JsonText::take_plain(std::span<char> out) {
  std::string_view plain = raw_.substr(0, out.size());
  const void* const escape = std::memchr(plain.data(), '\\', plain.size());
  if (escape != nullptr) {
    plain = plain.substr(0, static_cast<std::size_t>(static_cast<const char*>(escape) - plain.data()));
  }
  const std::size_t valid = valid_prefix(plain);
  if (valid != 0) {
    put(out, plain.substr(0, valid));
    raw_.remove_prefix(valid);
    return valid;
  }
  std::size_t bad = 1;
  while (bad < plain.size() && may_become_valid(plain.substr(0, bad + 1))) ++bad;
  raw_.remove_prefix(bad);
  return put(out, kReplacement);
}

// `out` has room for any character.
std::size_t JsonText::take_escape(std::span<char> out) {
  const auto unit = code_unit(raw_);
  if (!unit) {
    const char simple = raw_.size() < 2 ? '\0' : escaped(raw_[1]);
    raw_.remove_prefix(simple == '\0' ? 1 : 2);
    out[0] = simple == '\0' ? '\\' : simple;
    return 1;
  }
  raw_.remove_prefix(6);
  if (*unit < 0xD800 || *unit > 0xDFFF) return put(out, *unit);
  const auto second = code_unit(raw_);
  if (*unit > 0xDBFF || !second || *second < 0xDC00 || *second > 0xDFFF) {
    return put(out, kReplacement);
  }
  raw_.remove_prefix(6);
  return put(out, 0x10000 + ((*unit - 0xD800) << 10) + (*second - 0xDC00));
}

std::size_t JsonText::read(std::span<char> buffer) {
  std::size_t written = 0;
  while (!raw_.empty()) {
    const std::span<char> out = buffer.subspan(written);
    if (out.size() < kLeastBuffer) break;
    written += raw_.front() == '\\' ? take_escape(out) : take_plain(out);
  }
  return written;
}

std::size_t count_json_string(TokenCounter& counter, std::string_view raw) {
  if (std::memchr(raw.data(), '\\', raw.size()) == nullptr && valid_prefix(raw) == raw.size()) {
    return counter.count_pieces(raw, Rest::none).tokens;
  }
  // An octet that isn't UTF-8 is the only thing that grows, to three.
  if (raw.size() <= kBuffer / 3) {
    std::array<char, kBuffer + JsonText::kLeastBuffer> buffer;
    const std::size_t size = JsonText(raw).read(buffer);
    return counter.count_pieces({buffer.data(), size}, Rest::none).tokens;
  }
  StreamCounter stream(counter);
  feed_json_string(stream, raw);
  return stream.tokens();
}

void feed_json_string(StreamCounter& stream, std::string_view raw) {
  std::array<char, kBuffer> buffer;
  JsonText text(raw);
  while (const std::size_t size = text.read(buffer)) stream.feed({buffer.data(), size});
}

std::size_t most_tokens_of_json(std::string_view raw) {
  return valid_prefix(raw) == raw.size() ? raw.size() : 3 * raw.size();
}

}  // namespace farebox
