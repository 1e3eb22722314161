// ModelPace: how fast a provider may be asked for each model, where its answers say that
// nothing is left: a call at a time, as the provider refills, until all is there again.
//
// Providers count by model, so one that is used up holds up no other. Bounded; time is an
// argument; not thread-safe.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/base/clock.hpp"
#include "policy/provider_limits.hpp"

namespace farebox {

class ModelPace {
 public:
  // An answer says that something is used up for this model.
  void used_up(std::string_view model, const ProviderLimits::UsedUp& what, SteadyTime now);
  // An answer to what was asked at `asked` says that something is left.
  void refilled(std::string_view model, SteadyTime asked);

  struct Turn {
    bool taken = true;  // false: it comes too late, and is left to others
    SteadyTime at{};    // not before; now, or earlier, where nothing is used up
  };
  // The next call's turn, if it comes before `latest`.
  Turn take(std::string_view model, SteadyTime now, SteadyTime latest);
  // Whoever took the turn at that time makes no use of it.
  void give_back(std::string_view model, SteadyTime at);

  // Would a call have to wait?
  bool rests(std::string_view model, SteadyTime now) const;
  bool empty() const { return models_.empty(); }

  static constexpr std::size_t kMostModels = 256;
  static constexpr std::size_t kMostLeft = 64;  // the rest is lost
  static constexpr std::chrono::minutes kLongest{5};  // then one call finds out

 private:
  struct Model {
    SteadyTime said{};   // when
    SteadyTime next{};   // the next call's turn
    SteadyTime whole{};  // all is there again
    std::chrono::nanoseconds step{0};  // from turn to turn
    std::set<SteadyTime> left;  // turns before `next` that were given back
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::unordered_map<std::string, Model, TextHash, std::equal_to<>> models_;
};

}  // namespace farebox
