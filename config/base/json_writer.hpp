// JsonWriter: appends one JSON value to a string, left to right, without a tree.
//
// For what is written often: log lines, records, error bodies. Strings are
// escaped, invalid UTF-8 becomes U+FFFD, and a value can be cut to a length, so no
// caller can break a line or grow it without end. Not for reading JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace farebox {

// Appends `text` with quotes around it. At most `limit` octets of it are used.
void append_json_string(std::string& out, std::string_view text,
                        std::size_t limit = std::string_view::npos);

// The same at `at`, which has room for kMostOfJson octets for each of `text`, and two. Gives
// the end of what was written.
inline constexpr std::size_t kMostOfJson = 6;
char* put_json_string(char* at, std::string_view text);

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  // `name` is one of ours: it is written as it is, without escapes.
  JsonWriter& key(std::string_view name);

  // The same for a name somebody else chose.
  JsonWriter& foreign_key(std::string_view name);

  JsonWriter& string(std::string_view value, std::size_t limit = std::string_view::npos);
  JsonWriter& number(std::uint64_t value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // A value that is JSON already.
  JsonWriter& raw(std::string_view json);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool comma_ = false;  // a value stands before the next one on this level
};

}  // namespace farebox
