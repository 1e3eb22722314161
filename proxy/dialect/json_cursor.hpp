// JsonCursor: a strict pull reader over one JSON text that lies in memory (RFC 8259).
//
// It visits what the caller asks for and walks over everything else, checking the
// grammar as it goes; nothing is allocated for a value that is skipped. A text that
// breaks the grammar, nests deeper than kMaxDepth, or is visited deeper than kMaxVisits,
// makes the cursor `failed`, and then every further call answers "nothing". Octets above 0x7f are not checked to be
// UTF-8. The text needs no padding and is never read past its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace farebox {

// The octets between the quotes of a JSON string, as they were written.
struct JsonString {
  std::string_view raw;
  bool escaped = false;  // a backslash occurs in raw

  // The text they stand for; a lone surrogate becomes U+FFFD.
  std::string decoded() const;
  // The octets of that text as UTF-8, without building it.
  std::uint64_t decoded_size() const;
};

class JsonCursor {
 public:
  static constexpr std::size_t kMaxDepth = 1024;
  // Callers that visit a member as they visit what it is a member of would else go as deep as
  // a hostile text, and exhaust the stack.
  static constexpr std::uint16_t kMaxVisits = 64;

  enum class Kind : std::uint8_t { nothing, object, array, string, number, boolean, null };

  explicit JsonCursor(std::string_view text)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // What stands at the cursor, blanks passed over.
  Kind kind();

  // Calls on_member(key) for each member of the object at the cursor, the cursor standing
  // at the value; a value that on_member leaves alone is skipped. The key is unescaped and
  // valid during the call. Anything but an object is skipped, and the answer is false.
  template <class OnMember>
  bool each_member(OnMember&& on_member);

  // The same for the elements of an array; calls on_element().
  template <class OnElement>
  bool each_element(OnElement&& on_element);

  // The scalar at the cursor, or nothing when the value is of another kind; either way the
  // value is consumed.
  std::optional<JsonString> string();
  std::optional<std::string_view> number();  // as written
  std::optional<bool> boolean();

  // A whole number from 0 to 2^53, also when written as 25.0 or 2e3; anything else
  // (negative, fractional, too large, no number) is nothing, never 0.
  std::optional<std::uint64_t> count();

  // Walks over the value at the cursor, checking all of it.
  void skip();

  bool failed() const { return failed_; }

  // The text was one valid value and only blanks follow.
  bool at_end();

  // How far the cursor is, in octets from the beginning of the text.
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  void skip_blanks();
  void skip_container();
  void fail();
  bool take(char expected);
  JsonString take_string();  // the cursor stands behind the opening quote
  std::string_view take_number();
  void take_word(std::string_view word);
  JsonString take_key();  // the key and the colon behind it

  // One container that is being visited.
  class Visit {
   public:
    explicit Visit(std::uint16_t& depth) : depth_(depth) { ++depth_; }
    ~Visit() { --depth_; }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    std::uint16_t& depth_;
  };

  const char* begin_;
  const char* at_;
  const char* end_;
  bool failed_ = false;
  std::uint16_t depth_ = 0;  // of the visits under way
};

template <class OnMember>
bool JsonCursor::each_member(OnMember&& on_member) {
  if (kind() != Kind::object) {
    skip();
    return false;
  }
  if (depth_ == kMaxVisits) return fail(), false;
  const Visit visit(depth_);
  ++at_;
  skip_blanks();
  if (take('}')) return true;
  while (!failed_) {
    const JsonString key = take_key();
    if (failed_) break;
    const char* value = at_;
    if (key.escaped) {
      on_member(std::string_view(key.decoded()));
    } else {
      on_member(key.raw);
    }
    if (at_ == value) skip();
    skip_blanks();
    if (take('}')) return !failed_;
    if (!take(',')) fail();
  }
  return false;
}

template <class OnElement>
bool JsonCursor::each_element(OnElement&& on_element) {
  if (kind() != Kind::array) {
    skip();
    return false;
  }
  if (depth_ == kMaxVisits) return fail(), false;
  const Visit visit(depth_);
  ++at_;
  skip_blanks();
  if (take(']')) return true;
  while (!failed_) {
    skip_blanks();
    const char* value = at_;
    on_element();
    if (at_ == value) skip();
    skip_blanks();
    if (take(']')) return !failed_;
    if (!take(',')) fail();
  }
  return false;
}

}  // namespace farebox
