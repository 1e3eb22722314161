// WallWatch: may what is old be thrown away by what the wall clock says now?
//
// A clock that jumped ahead for a moment makes everything look old. One that jumped is believed
// when it has gone on evenly for an hour, beside the monotonic clock, which never jumps. A plain
// value; time is an argument.
#pragma once

#include <optional>

#include "config/base/clock.hpp"

namespace farebox {

class WallWatch {
 public:
  // Clocks are set by a little now and then.
  static constexpr std::chrono::minutes kEven{10};
  static constexpr std::chrono::hours kBelieved{1};
  // Who was stopped for longer can't tell whether it was that long.
  static constexpr std::chrono::days kStopped{31};

  struct Look {
    bool believed = false;
    std::chrono::nanoseconds jump{0};  // since the look before, where it is one
  };

  // `newest`: of what was written by this clock so far; nothing: nothing was.
  Look look(WallTime wall, SteadyTime steady, std::optional<WallTime> newest) {
    Look seen;
    if (!last_) {
      const bool follows = newest && *newest - kEven <= wall && wall <= *newest + kStopped;
      even_since_ = follows ? steady - kBelieved : steady;
    } else {
      const std::chrono::nanoseconds drift = (wall - last_->wall) - (steady - last_->steady);
      if (drift > kEven || drift < -kEven) {
        seen.jump = drift;
        even_since_ = steady;
      }
    }
    last_ = Moment{wall, steady};
    seen.believed = steady - even_since_ >= kBelieved;
    return seen;
  }

 private:
  struct Moment {
    WallTime wall;
    SteadyTime steady;
  };
  std::optional<Moment> last_;
  SteadyTime even_since_{};
};

}  // namespace farebox
