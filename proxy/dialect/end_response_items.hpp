// EndResponseItems: the output items of a Responses stream as far as they were streamed, so that
// a stream which is ended early can close and repeat them (proxy/dialect/end_responses.cpp).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "proxy/dialect/end_events.hpp"

namespace farebox {

// What the events about items say, each in its own members. Views into the event.
struct ResponseEvent {
  std::string type;
  std::uint64_t output_index = 0, content_index = 0, summary_index = 0;
  std::string_view item, part;   // objects as written
  std::string_view delta;        // of a text, as the JSON string has it
  std::string_view text;         // the whole text of a "done"
  bool has_text = false;

  void read(std::string_view key, JsonCursor& cursor);
};

class EndResponseItems {
 public:
  void take(const ResponseEvent& event);

  // False: there were more items or parts than are kept.
  bool whole() const { return whole_; }

  // The events that close what is open, without their sequence numbers.
  void close(EndEvents& out) const;
  // All items, a JSON array.
  std::string list() const;

 private:
  struct Text {
    std::string octets;  // as a JSON string has them
    bool done = false;
    bool cut = false;    // more came than there was room for
  };
  struct Part {
    std::string object;  // as it was added, or when it was done
    Text text;
    bool done = false;
  };
  struct Item {
    std::string object;  // as it was added, or when it was done
    std::string type, id;  // `id` with its quotes
    std::map<std::uint64_t, Part> content, summary;
    Text argument;       // arguments, input or code, by the type
    bool done = false;
  };
  static constexpr std::size_t kMostItems = 128;
  static constexpr std::size_t kMostParts = 128;

  Item* item_at(std::uint64_t index);
  Part* part_at(std::map<std::uint64_t, Part>& parts, std::uint64_t index);
  void take_item(const ResponseEvent& event, bool done);
  void append(Text& text, const ResponseEvent& event);
  void finish(Text& text, const ResponseEvent& event);
  void finish(Part& part, const ResponseEvent& event);
  bool keep(std::string& to, std::string_view octets);
  void close_parts(const Item& item, std::uint64_t index, bool summary, EndEvents& out) const;
  std::string as_it_is(const Item& item) const;
  static std::string as_it_is(const Part& part);

  std::map<std::uint64_t, Item> items_;
  std::size_t kept_ = 0;  // octets of all of them
  bool whole_ = true;
};

}  // namespace farebox
