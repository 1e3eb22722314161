// BudgetWatch: watches the output of a stream whose hold doesn't pay for all of it, and says
// when it needs more money. Of any other answer it does nothing.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "proxy/metering.hpp"
#include "proxy/output_watch.hpp"
#include "proxy/repacker.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox {

class BudgetWatch {
 public:
  BudgetWatch(ClientConnection& client, const Call& call, const Hold& hold, Metering& meter);

  // More was shown than the hold will soon pay for: it's time to ask for more.
  bool needs_more(const Metering& meter) {
    if (!output_ || given_up_) return false;
    seen_ = output_->seen(*meter.so_far()) / octets_for_token_;
    const Tokens held = hold_.output_held.value_or(0);
    // A provider that keeps to the maximum never gets there.
    if (has_maximum_) return seen_ > held;
    return seen_ + std::max(kAhead, held / 4) > held;
  }
  Tokens needed() const { return seen_ + kAhead; }

  // No money is left. What is held is used up to its end; then the stream ends where its next
  // event ends.
  void refused() { given_up_ = has_maximum_ || needed() > hold_.output_held.value_or(0); }
  bool given_up() const { return given_up_; }

  // May it end here?
  bool may_end(const Repacker& repacker) const {
    return !end_ || (end_->between_events() && repacker.between_chunks());
  }
  // What ends it then; null where nothing can.
  std::unique_ptr<StreamEnd> take_end() { return std::move(end_); }

 private:
  // Tokens of about one event, and the marks of an answer's end.
  static constexpr Tokens kAhead = 8;

  const Hold& hold_;
  std::optional<OutputWatch> output_;
  std::unique_ptr<StreamEnd> end_;
  Tokens seen_ = 0;
  Tokens octets_for_token_ = 1;
  bool has_maximum_ = false;  // the request says no more than the hold pays for
  bool given_up_ = false;
};

}  // namespace farebox
