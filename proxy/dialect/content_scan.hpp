// ContentScan: walks over what a model reads, as a request carries it, and says what of it
// isn't text: media, and what lies elsewhere.
//
// All dialects at once, by the names of members and the words of `type`. A part of an
// unknown type lies elsewhere. So does, in Google's and Amazon's bodies, which name a part by
// its only member, a part with an unknown member. What a program made (arguments, results,
// schemas) is text. Depth is bounded: deeper content counts as elsewhere.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/dialect/body_reach.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

enum class Parts : std::uint8_t {
  typed,  // {"type":"text","text":...}
  named,  // {"text":...}
};

// Anything but null, false and what is empty. The value at the cursor is consumed.
bool holds_something(JsonCursor& cursor);

class ContentScan {
 public:
  ContentScan(JsonCursor& cursor, BodyReach& reach, Parts parts)
      : cursor_(cursor), reach_(reach), parts_(parts) {}

  // The value at the cursor: a text, a message or part, or a list of them.
  void scan() { scan_value(0); }

  // The value is a place: a URL, or what holds one. Data URLs are media.
  void scan_place() { scan_place_at(0); }

 private:
  // What was met in an object besides its type.
  struct Found {
    bool place = false;      // media or a reference, recognised as such
    bool data = false;       // `data`, whose meaning the type tells
    bool has_id = false;
    bool says = false;         // anything but who it is
    bool has_secret = false;   // encrypted_content, reasoning that comes along
    bool has_content = false;
    bool unnamed = false;      // a member that kNamed doesn't have
  };

  void scan_value(int depth);
  void scan_object(int depth);
  void scan_member(std::string_view key, int depth, Found& found);
  void scan_place_at(int depth);
  void judge(std::string_view type, const Found& found);

  JsonCursor& cursor_;
  BodyReach& reach_;
  Parts parts_;
};

}  // namespace farebox
