// JsonSplitter: cuts a body of JSON values into single objects, however it arrives.
//
// It takes one object (a whole reply), objects one behind the other (NDJSON: one a line),
// and one array of objects that is sent piece by piece (Gemini without `alt=sse`). It
// finds where values end; whether they are valid is JsonCursor's question.
//
// A value that lies in one piece is given as a view of it. One that doesn't is kept, with
// long strings and long runs of plain array elements (images, audio, embeddings) emptied,
// so that a 60 MB reply with its usage at the end needs little memory. A value that is
// still above kMaxValue is dropped as a whole.
//
//   while (splitter.next(piece, value)) use(value);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace farebox {

// Keeps a JSON value in little memory: what it leaves out is still valid JSON, with the
// same members and the same number of objects in every array.
class JsonKeeper {
 public:
  // Strings above this many octets, and runs of scalars in arrays, are emptied.
  static constexpr std::size_t kLong = 4096;

  void append(std::string_view part);
  void clear();
  const std::string& text() const { return text_; }

 private:
  const char* append_outside(const char* at, const char* end);
  const char* append_inside(const char* at, const char* end);

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::string text_;
  std::size_t string_start_ = 0;   // behind the opening quote
  std::size_t scalars_start_ = kNone;  // behind the '[' of scalars that are being kept
  bool in_string_ = false;
  bool escape_ = false;    // the octet before was a backslash
  bool dropping_ = false;  // the string or run at hand is too long
};

class JsonSplitter {
 public:
  static constexpr std::size_t kMaxValue = 16u << 20;

  // False: the piece is used up. The view is valid until the next call.
  bool next(std::string_view& piece, std::string_view& value);

  // The body ended where a body may end: behind an object, or behind the closing bracket.
  bool complete() const { return depth_ == 0 && !broken_ && (array_ ? closed_ : values_ > 0); }
  // No value is under way: one ended, or none began.
  bool between() const { return depth_ == 0 && !broken_; }
  std::uint64_t values() const { return values_; }
  // The closing bracket of the array was seen.
  bool closed() const { return closed_; }
  bool array() const { return array_; }

 private:
  bool begin_value(std::string_view& piece);
  const char* find_end(const char* at, const char* end);
  std::size_t count_brackets(std::uint32_t opening, std::uint32_t closing);
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  void keep(std::string_view part);

  JsonKeeper keeper_;
  std::uint64_t values_ = 0;
  std::size_t depth_ = 0;  // containers open inside the value
  bool in_string_ = false;
  bool escape_ = false;
  bool keeping_ = false;   // the value began in an earlier piece
  bool too_large_ = false;
  bool started_ = false;
  bool array_ = false;     // the values are elements of one array
  bool closed_ = false;    // and its closing bracket was seen
  bool broken_ = false;    // something that isn't JSON: nothing more is learned
  bool given_ = false;     // the last call handed out keeper_'s text
};

}  // namespace farebox
