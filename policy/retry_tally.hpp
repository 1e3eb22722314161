// RetryTally: calls of each project, key and model, and those of them that repeat one that
// failed, as clients say it themselves (x-stainless-retry-count).
//
// Counting allocates only for names that the hour before didn't have. Bounded; not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace farebox {

// Of all calls, or of some.
struct RetryHour {
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;  // of the requests
};

class RetryTally {
 public:
  // More are counted in the total alone.
  static constexpr std::size_t kMost = 2'000;
  static constexpr std::size_t kMostName = 128;  // octets of a name that are kept

  struct Names {
    std::string_view project, key, model;
  };

  void count(const Names& names, bool repeats);
  // Adds all of it to `sum` and begins anew; names nobody used since the last time are forgotten.
  void move_into(RetryTally& sum);

  const RetryHour& total() const { return total_; }
  void each(const std::function<void(const Names&, const RetryHour&)>& visit) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  RetryHour* place_of(std::string_view key);

  RetryHour total_;
  // The key is the names joined by 0x1F, in their order.
  std::unordered_map<std::string, RetryHour, TextHash, std::equal_to<>> hours_;
  std::string key_;
};

}  // namespace farebox
