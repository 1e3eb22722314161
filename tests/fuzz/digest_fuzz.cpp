// The digest of a request body: any octets; the first one picks the dialect. The same body
// written in another way (members turned round, other blanks, every string as escapes) has the
// same digest, and one with another value hasn't.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dialect/body_digest.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace {

using namespace farebox;

// The octets between quotes, with every ASCII character that stands for itself as \u00xx.
std::string respell(std::string_view raw) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto octet = static_cast<unsigned char>(raw[i]);
    if (raw[i] == '\\') {
      const std::size_t escape = raw[i + 1] == 'u' ? 6 : 2;
      out += raw.substr(i, escape);
      i += escape - 1;
    } else if (octet < 0x80) {
      out += std::string("\\u00") + kHex[octet >> 4] + kHex[octet & 15];
    } else {
      out += raw[i];
    }
  }
  return out;
}

std::string rewrite(JsonCursor& cursor) {
  std::vector<std::string> parts;
  std::string out;
  switch (cursor.kind()) {
    case JsonCursor::Kind::object:
      cursor.each_member([&](std::string_view key) {
        std::string member = "\"";
        for (const char octet : key) {
          if (octet == '"' || octet == '\\') member += '\\';
          const auto value = static_cast<unsigned char>(octet);
          if (value >= 0x20) member += octet;
          else member += std::string("\\u00") + (value < 16 ? '0' : '1') + "0123456789abcdef"[value & 15];
        }
        member += "\"\t: ";
        parts.push_back(member + rewrite(cursor));
      });
      for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        out += (out.empty() ? "" : " ,\n") + *part;
      }
      return "{ " + out + '}';
    case JsonCursor::Kind::array:
      cursor.each_element([&] { parts.push_back(rewrite(cursor)); });
      for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
      return '[' + out + " ]";
    case JsonCursor::Kind::string: return '"' + respell(cursor.string()->raw) + '"';
    default: break;
  }
  const std::size_t begin = cursor.offset();
  cursor.skip();
  return std::string(cursor.since(begin));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto dialect = static_cast<DialectName>(data[0] % (static_cast<int>(DialectName::ollama) + 1));
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto said = digest_body(body, dialect);
  if (!said) return 0;
  JsonCursor cursor(body);
  std::string again = rewrite(cursor);
  const auto same = digest_body(again, dialect);
  if (!same || same->digest != said->digest || same->form != said->form) std::abort();
  if (same->stream != said->stream || same->seeded != said->seeded) std::abort();
  if (same->temperature_zero != said->temperature_zero || same->stateful != said->stateful) std::abort();
  again.insert(1, again.find('"') == std::string::npos ? "\"\\u0000new\":0" : "\"\\u0000new\":0,");
  const auto other = digest_body(again, dialect);
  if (other && other->digest == said->digest) std::abort();
  return 0;
}
