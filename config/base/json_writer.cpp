#include "config/base/json_writer.hpp"

#include <array>
#include <charconv>
#include <cstring>

namespace farebox {
namespace {

// Octets that stand in a JSON string as they are.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = 0x20; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

// Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = octet(at);
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() - at < length) return 0;
  if (octet(at + 1) < low || octet(at + 1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((octet(at + i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

void append_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, std::size_t limit) {
  text = text.substr(0, limit);
  // Most are short: then one append does it.
  char quoted[64 * kMostOfJson + 2];
  if (text.size() <= 64) {
    out.append(quoted, static_cast<std::size_t>(put_json_string(quoted, text) - quoted));
    return;
  }
  out += '"';
  std::size_t plain = 0;  // start of the run that needs no change
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (kPlain[c]) {
      ++at;
      continue;
    }
    if (c >= 0x80) {
      if (const std::size_t length = utf8_length(text, at)) {
        at += length;
        continue;
      }
    }
    out.append(text, plain, at - plain);
    if (c >= 0x80) {
      out += "\xEF\xBF\xBD";
    } else {
      append_escape(out, c);
    }
    plain = ++at;
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

char* put_json_string(char* at, std::string_view text) {
  *at++ = '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (kPlain[c]) {
      *at++ = text[i++];
      continue;
    }
    if (const std::size_t length = c >= 0x80 ? utf8_length(text, i) : 0) {
      std::memcpy(at, text.data() + i, length);
      at += length;
      i += length;
      continue;
    }
    std::string changed;
    if (c >= 0x80) {
      changed = "\xEF\xBF\xBD";
    } else {
      append_escape(changed, c);
    }
    std::memcpy(at, changed.data(), changed.size());
    at += changed.size();
    ++i;
  }
  *at++ = '"';
  return at;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  // Keys are ours and need no escape.
  out_.append(comma_ ? ",\"" : "\"", comma_ ? 2 : 1);
  out_.append(name);
  out_.append("\":", 2);
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::foreign_key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value, std::size_t limit) {
  separate();
  append_json_string(out_, value, limit);
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::number(std::uint64_t value) {
  separate();
  append_integer(out_, value);
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::number(std::int64_t value) {
  separate();
  append_integer(out_, value);
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) { return raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

void JsonWriter::separate() {
  if (comma_) out_ += ',';
}

}  // namespace farebox
