// MaxPlaces: where a body says its maxima: one walk that remembers offsets and changes nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/max_spelling.hpp"

namespace farebox {

struct MaxPlace {
  MaxHome home = MaxHome::top;
  std::string key;
  std::size_t begin = 0, end = 0;  // of the value, in octets of the body
  std::uint64_t bound = 0;         // as read_bound has it; 0: no bound
  bool null = false;
  bool zero = false;               // the number 0, which servers take in different ways
};

// An object that holds maxima, or the value that stands in its place.
struct MaxObject {
  bool there = false;
  bool object = false;
  bool null = false;
  bool empty = true;
  std::size_t begin = 0, end = 0;  // of the value; `begin` is the '{'
};

class MaxPlaces {
 public:
  // False: not one valid JSON object from `start` on.
  bool read(std::string_view body, std::size_t start);

  std::vector<MaxPlace> maxima;
  std::vector<MaxPlace> budgets;  // for thinking, that have to stay below the maximum
  std::array<MaxObject, kMaxHomes> homes;
  BodyMarks has;

 private:
  void read_top(std::string_view key, JsonCursor& cursor);
  void read_home(MaxHome home, JsonCursor& cursor);
  void read_budget(MaxHome home, JsonCursor& cursor);
  void note(std::vector<MaxPlace>& places, MaxHome home, std::string_view key, JsonCursor& cursor);

  std::size_t start_ = 0;
};

}  // namespace farebox
