#include "proxy/dialect/error_member.hpp"

#include <string>
#include <string_view>

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

// A word, or a number where others have a word.
void assign_word(JsonCursor& cursor, std::string& to) {
  if (cursor.kind() == Kind::number) {
    to = cursor.number().value_or("");
  } else if (const auto text = cursor.string(); text && !text->raw.empty()) {
    to = text->decoded();
  }
}

}  // namespace

void read_error_member(JsonCursor& cursor, Reading& reading) {
  switch (cursor.kind()) {
    case Kind::string:  // xAI, Ollama
      if (const auto text = cursor.string()) reading.error = reading.error || !text->raw.empty();
      return;
    case Kind::object: break;
    default: return;
  }
  std::string code, type, status;
  cursor.each_member([&](std::string_view key) {
    reading.error = true;
    if (key == "type") assign_word(cursor, type);
    else if (key == "code") assign_word(cursor, code);
    else if (key == "status") assign_word(cursor, status);
  });
  reading.error_code = !status.empty() ? status : !code.empty() ? code : type;
}

}  // namespace farebox
