// BodyKeys: the members of request bodies that policy depends on, so that one which comes
// twice is refused: parsers differ in which of the two they take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/dialect/dialect.hpp"

namespace farebox {

// A key in all its spellings. A name's place is its bit.
struct BodyKey {
  std::string_view name;
  std::string_view twin = {};  // protobuf's JSON takes snake_case too
};

// Remembers which of the keys came, and which came twice.
class KeyWatch {
 public:
  explicit KeyWatch(std::span<const BodyKey> keys) : keys_(keys) {}

  void see(std::string_view name) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (name != keys_[i].name && (keys_[i].twin.empty() || name != keys_[i].twin)) continue;
      const std::uint32_t bit = 1u << i;
      if ((seen_ & bit) != 0 && repeated_.empty()) repeated_ = keys_[i].name;
      seen_ |= bit;
      return;
    }
  }
  std::string_view repeated() const { return repeated_; }

 private:
  std::span<const BodyKey> keys_;
  std::uint32_t seen_ = 0;
  std::string_view repeated_;
};

// Of the top level of a request's body.
std::span<const BodyKey> keys_of(const Route& route);

// Whether a member of the top level is a maximum of tokens that the endpoint obeys. What it
// doesn't obey bounds nothing, and must not be taken for a bound.
bool is_maximum(const Route& route, std::string_view key);

// The key of the top level that `name` is but for its capitals; empty: none. Go's JSON also
// folds two letters beyond ASCII.
std::string_view spelled_otherwise(const Route& route, std::string_view name);

// Ollama's own API, whose calls stream unless they say no.
bool speaks_ollama(const Route& route);

}  // namespace farebox
