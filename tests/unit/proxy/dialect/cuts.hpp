// Ways to cut octets into pieces: a reader must not care.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace farebox::testing {

using Cuts = std::vector<std::size_t>;  // offsets at which a text is cut, ascending

inline Cuts every(std::size_t size, std::size_t step) {
  Cuts cuts;
  for (std::size_t at = step; at < size; at += step) cuts.push_back(at);
  return cuts;
}

inline Cuts behind_lines(std::string_view text) {
  Cuts cuts;
  for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
    cuts.push_back(at + 1);
  }
  return cuts;
}

// Behind each frame of an AWS event stream, which begins with its length (big endian).
inline Cuts behind_frames(std::string_view text) {
  Cuts cuts;
  for (std::size_t at = 0; text.size() - at >= 16;) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      length = length << 8 | static_cast<unsigned char>(text[at + i]);
    }
    if (length < 16 || length >= text.size() - at) break;
    cuts.push_back(at += length);
  }
  return cuts;
}

inline Cuts random_cuts(std::size_t size, std::mt19937& random, std::size_t longest = 2000) {
  Cuts cuts;
  std::uniform_int_distribution<std::size_t> length(1, 1 + random() % longest);
  for (std::size_t at = length(random); at < size; at += length(random)) cuts.push_back(at);
  return cuts;
}

// The pieces between the cuts. Each is a string of its own, so that a sanitizer sees a read
// beyond its end.
inline std::vector<std::string> pieces(std::string_view text, const Cuts& cuts) {
  std::vector<std::string> out;
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    out.emplace_back(text.substr(at, cut - at));
    at = cut;
  }
  out.emplace_back(text.substr(at));
  return out;
}

}  // namespace farebox::testing
