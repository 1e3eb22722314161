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

#include "config/base/clock.hpp"

namespace farebox {

class Latencies {
 public:
  // Of an answer that went well. `model` may be empty.
  void add(std::string_view model, std::chrono::nanoseconds took);

  // A call for this model begins. What nobody knows is thereby being found out.
  void note_begin(std::string_view model, SteadyTime now);

  // Of one model. Another model is no measure for it, so where nobody knows it is nothing;
  // only models there is no room for have the mean of all.
  struct Known {
    std::optional<std::chrono::nanoseconds> latency;
    bool explored = false;  // a call that may tell was begun within kExploreEvery
  };
  Known of(std::string_view model, SteadyTime now) const;
  // Nothing: no call went well yet.
  std::optional<std::chrono::nanoseconds> of_all() const;

  // Of a model nobody knows the latency of, one call in so long is sent to find it out.
  static constexpr std::chrono::seconds kExploreEvery{10};
  static constexpr std::size_t kMostModels = 256;

 private:
  using Smoothed = std::int64_t;  // nanoseconds; 0: nobody knows
  struct Model {
    Smoothed mean = 0;
    SteadyTime begun{};  // the last call, while nobody knows
  };
  Model* place_of(std::string_view model);  // null: there is no room

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::atomic<Smoothed> all_{0};
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Model, TextHash, std::equal_to<>> models_;
};

}  // namespace farebox
