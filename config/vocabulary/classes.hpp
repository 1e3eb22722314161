// What the splitting patterns of the encodings tell apart (Unicode general categories; the
// code points of each stand in unicode_classes.txt).
#pragma once

#include <cstdint>

namespace farebox {

enum class CharClass : std::uint8_t {
  other,
  upper,   // Lu, Lt
  lower,   // Ll
  letter,  // Lm, Lo: neither case, the patterns take it for both
  mark,    // M
  number,  // N
  space,   // White_Space, without carriage return and line feed
  line,    // carriage return, line feed
};

}  // namespace farebox
