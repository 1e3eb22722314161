#include "proxy/dialect/canonical_json.hpp"

#include <algorithm>

#include "config/base/digest.hpp"

namespace farebox {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD in UTF-8
constexpr char kMark = '\xff';  // no octet of UTF-8

std::uint32_t hex_unit(const char* at) {
  std::uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char digit = at[i];
    const int value = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
    unit = unit << 4 | static_cast<std::uint32_t>(value);
  }
  return unit;
}

bool is_high(std::uint32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low(std::uint32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t octet) { out.push_back(static_cast<char>(octet)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12), put(0x80 | (point >> 6 & 0x3f));
  } else {
    put(0xf0 | point >> 18), put(0x80 | (point >> 12 & 0x3f)), put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

char plain_escape(char letter) {
  switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return letter;
  }
}

// How a string is decoded: as UTF-8, or in the way that can say half a surrogate pair.
enum class Way : std::uint8_t { utf8, marked };

void append_plain(std::string& out, std::string_view octets, Way way) {
  if (way == Way::utf8) {
    out.append(octets);
    return;
  }
  for (const char octet : octets) {
    if (octet == kMark) out.push_back(kMark);
    out.push_back(octet);
  }
}

// Decodes the octets between the quotes of a valid string. False: it has half a pair, and
// `way` can't say that.
bool decode(std::string_view raw, Way way, std::string& out) {
  out.clear();
  std::size_t at = 0;
  while (true) {
    const std::size_t escape = std::min(raw.find('\\', at), raw.size());
    append_plain(out, raw.substr(at, escape - at), way);
    if (escape == raw.size()) return true;
    if (raw[escape + 1] != 'u') {
      out.push_back(plain_escape(raw[escape + 1]));
      at = escape + 2;
      continue;
    }
    const std::uint32_t unit = hex_unit(raw.data() + escape + 2);
    at = escape + 6;
    if (!is_high(unit) && !is_low(unit)) {
      append_utf8(out, unit);
      continue;
    }
    if (is_high(unit) && raw.substr(at).starts_with("\\u")) {
      const std::uint32_t low = hex_unit(raw.data() + at + 2);
      if (is_low(low)) {
        append_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        at += 6;
        continue;
      }
    }
    if (way == Way::utf8) return false;
    out.push_back(kMark);
    out.push_back(static_cast<char>(unit >> 8));
    out.push_back(static_cast<char>(unit & 0xff));
  }
}

}  // namespace

void CanonicalJson::clear(std::size_t most) {
  for (std::string* text : {&out_, &moved_, &decoded_}) {
    if (text->capacity() > most) std::string().swap(*text);
    text->clear();
  }
  if (members_.capacity() * sizeof(Member) > most) std::vector<Member>().swap(members_);
  members_.clear();
  unsure_ = false;
}

void CanonicalJson::add_size(std::size_t size) {
  for (; size >= 0x80; size >>= 7) out_.push_back(static_cast<char>(0x80 | (size & 0x7f)));
  out_.push_back(static_cast<char>(size));
}

void CanonicalJson::add_text(char tag, std::string_view octets) {
  out_.push_back(tag);
  add_size(octets.size());
  out_.append(octets);
}

void CanonicalJson::add_string(const JsonString& text) {
  if (!text.escaped) return add_text('s', text.raw);
  const bool whole = decode(text.raw, Way::utf8, decoded_);
  if (!whole) decode(text.raw, Way::marked, decoded_);
  add_text(whole ? 's' : 'u', decoded_);
}

void CanonicalJson::add_key(std::string_view key) {
  // The cursor says U+FFFD for half a pair.
  if (key.find(kReplacement) != std::string_view::npos) unsure_ = true;
  const std::size_t begin = out_.size();
  add_text('s', key);
  members_.push_back({static_cast<std::uint32_t>(begin), 0,
                      static_cast<std::uint32_t>(out_.size() - key.size()),
                      static_cast<std::uint32_t>(key.size())});
}

void CanonicalJson::add_value(JsonCursor& cursor) {
  switch (cursor.kind()) {
    case JsonCursor::Kind::string:
      if (const auto text = cursor.string()) add_string(*text);
      return;
    case JsonCursor::Kind::number:
      if (const auto text = cursor.number()) add_text('n', *text);
      return;
    case JsonCursor::Kind::boolean: out_.push_back(cursor.boolean().value_or(false) ? 't' : 'f'); return;
    case JsonCursor::Kind::null:
      cursor.skip();
      out_.push_back('z');
      return;
    case JsonCursor::Kind::object: return add_object(cursor, [](std::string_view) { return true; });
    case JsonCursor::Kind::array: {
      const std::size_t begin = out_.size();
      out_.push_back('[');
      cursor.each_element([&] { add_value(cursor); });
      out_.push_back(']');
      return fold(begin);
    }
    case JsonCursor::Kind::nothing: cursor.skip(); return;  // and it has failed
  }
}

// Sorts the members of the object that begins there, unless they are, and ends it.
void CanonicalJson::finish_object(std::size_t begin, std::size_t first_member, bool sorted) {
  const auto first = members_.begin() + static_cast<std::ptrdiff_t>(first_member);
  if (!sorted && !unsure_) {
    std::sort(first, members_.end(),
              [&](const Member& a, const Member& b) { return key_of(a) < key_of(b); });
    const auto twice = std::adjacent_find(first, members_.end(), [&](const Member& a, const Member& b) {
      return key_of(a) == key_of(b);
    });
    if (twice != members_.end()) unsure_ = true;
    moved_.clear();
    for (auto member = first; member != members_.end(); ++member) {
      moved_.append(out_, member->begin, member->end - member->begin);
    }
    out_.resize(begin + 1);
    out_.append(moved_);
  }
  members_.erase(first, members_.end());
  out_.push_back('}');
  fold(begin);
}

void CanonicalJson::fold(std::size_t begin) {
  if (out_.size() - begin <= kLong) return;
  const Digest digest = sha256(std::string_view(out_).substr(begin));
  out_.resize(begin);
  out_.push_back('H');
  out_.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

}  // namespace farebox
