// TokenRatio: how many tokens a model without a public vocabulary makes of what o200k_base
// counts, learnt from what its provider reports. An estimate, always.
//
// A provider may report anything, so no report is taken at its word: a large one weighs no more
// than kMostOfOne tokens, one that is far off what was expected counts as one that is less
// far off, and the ratio stays within kFarthest times that of the model's family.
//
// Plain numbers that may be stored and restored. For one thread at a time.
#pragma once

#include <cstdint>

#include "config/tokenizer.hpp"

namespace farebox {

class TokenRatio {
 public:
  static constexpr std::uint64_t kPrior = 2'000;         // tokens the family's ratio weighs
  static constexpr std::uint64_t kMostOfOne = 4'096;     // tokens one report weighs at most
  static constexpr std::uint64_t kMemory = 1'000'000;    // tokens; older reports fade beyond
  static constexpr std::uint64_t kFarthest = 3;

  struct State {
    std::uint64_t counted = 0;   // by o200k_base, weighted
    std::uint64_t reported = 0;  // by the provider, for the same
    std::uint32_t error = 0;     // thousandths
    std::uint64_t lessons = 0;   // reports that were believed
    friend bool operator==(const State&, const State&) = default;
  };

  // Begins with the ratio of the model's family.
  explicit TokenRatio(const TokenizerOf& family);
  // Goes on from a stored state; one that can't be is drawn into what can.
  TokenRatio(const TokenizerOf& family, const State& state);

  // A text that o200k_base counts as `counted` tokens was reported as `reported`. Reports that
  // can't be of the same text (no tokens, or ten times more or fewer) are not believed: false.
  bool learn(std::uint64_t counted, std::uint64_t reported);

  // The model's tokens, to the nearest.
  std::uint64_t estimate(std::uint64_t counted) const;

  // How far off estimates of single texts are, in thousandths: nine in ten are within.
  // Before the first reports, what the family's row says.
  std::uint32_t error() const { return state_.error; }

  std::uint32_t ratio() const;  // thousandths
  std::uint64_t lessons() const { return state_.lessons; }
  const State& state() const { return state_; }

 private:
  void stay_sane();

  std::uint32_t of_family_;  // thousandths
  State state_;
};

}  // namespace farebox
