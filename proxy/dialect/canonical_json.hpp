// CanonicalJson: JSON values written so that equal values are equal octets, and different values
// different ones, for hashing.
//
//   value  = "s" size octets       a string: the UTF-8 of the text it stands for
//          | "u" size octets       one with half surrogate pairs: each is 0xff and the two octets
//                                  of its unit, and an octet 0xff is two of them
//          | "n" size octets       a number as it was written
//          | "t" | "f" | "z"       true, false, null
//          | "[" value* "]"
//          | "{" (string value)* "}"   by the octets of the keys, ascending
//          | "H" 32 octets         SHA-256 of an array or object that would be longer than 4 KiB
//   size   = seven bits an octet, the low ones first, the highest bit on all but the last
//
// Every value tells its own end, so none is the beginning of another. Hashing what is long
// bounds how often an octet is moved when members are sorted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

class CanonicalJson {
 public:
  static constexpr std::size_t kMostMembers = 65'536;  // of all objects that are open
  static constexpr std::size_t kMostOctets = 1u << 30;  // of a text
  static constexpr std::size_t kLong = 4096;

  // Appends the value at the cursor.
  void add_value(JsonCursor& cursor);

  // Appends an object of some of the members of the one at the cursor: `takes(key)` says
  // which, before the value is read. Anything but an object is skipped.
  template <class Takes>
  void add_object(JsonCursor& cursor, Takes&& takes);

  // Appends an octet that the caller tells something by: before a value or behind it.
  void add_mark(char mark) { out_ += mark; }

  // A key came twice in an object or can't be compared, or there were too many: what was
  // appended since `clear` means nothing.
  bool unsure() const { return unsure_; }

  std::string_view text() const { return out_; }

  // Begins anew; keeps memory up to `most` octets.
  void clear(std::size_t most);

 private:
  // One member in out_.
  struct Member {
    std::uint32_t begin, end;
    std::uint32_t key, key_size;
  };

  void add_size(std::size_t size);
  void add_text(char tag, std::string_view octets);
  void add_string(const JsonString& text);
  void add_key(std::string_view key);
  void finish_object(std::size_t begin, std::size_t first_member, bool sorted);
  void fold(std::size_t begin);
  std::string_view key_of(const Member& member) const {
    return std::string_view(out_).substr(member.key, member.key_size);
  }

  std::string out_;
  std::string moved_;  // an object while it is sorted
  std::string decoded_;
  std::vector<Member> members_;  // of the objects that are open, the outermost first
  bool unsure_ = false;
};

template <class Takes>
void CanonicalJson::add_object(JsonCursor& cursor, Takes&& takes) {
  const std::size_t begin = out_.size();
  const std::size_t first = members_.size();
  bool sorted = true;
  out_ += '{';
  cursor.each_member([&](std::string_view key) {
    if (!takes(key)) return;
    if (members_.size() == kMostMembers) unsure_ = true;
    if (unsure_) return;
    add_key(key);
    if (sorted && members_.size() > first + 1) {
      sorted = key_of(members_[members_.size() - 2]) < key_of(members_.back());
    }
    const std::size_t own = members_.size() - 1;
    add_value(cursor);
    members_[own].end = static_cast<std::uint32_t>(out_.size());
  });
  finish_object(begin, first, sorted);
}

}  // namespace farebox
