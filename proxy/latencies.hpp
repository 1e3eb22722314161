// Latencies: how long a provider takes until the head of an answer comes, lately: over all
// calls, and by model, since a small model is no measure for a large one.
//
// Thread-safe: one atomic for the provider, a short lock for its models. Workers that tell at
// once may lose one of their samples; it is a mean all the same.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace farebox {

class Latencies {
 public:
  // Of an answer that went well. `model` may be empty.
  void add(std::string_view model, std::chrono::nanoseconds took);

  // Of this model; where nobody knows, of all. Nothing: no call went well yet.
  std::optional<std::chrono::nanoseconds> of(std::string_view model) const;
  std::optional<std::chrono::nanoseconds> of_all() const;

  static constexpr std::size_t kMostModels = 256;  // others count for all only

 private:
  using Smoothed = std::int64_t;  // nanoseconds; 0: nobody knows

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::atomic<Smoothed> all_{0};
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Smoothed, TextHash, std::equal_to<>> models_;
};

}  // namespace farebox
