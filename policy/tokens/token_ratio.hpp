// TokenRatio: how many tokens a model without a public vocabulary makes of what o200k_base
// counts, learnt from what its provider reports. An estimate, always.
//
// Plain numbers that may be stored and restored. For one thread at a time.
#pragma once

#include <cstdint>

#include "config/tokenizer.hpp"

namespace farebox {

class TokenRatio {
 public:
  // Begins with the ratio of the model's family, which weighs as much as kPrior tokens.
  explicit TokenRatio(const TokenizerOf& tokenizer);

  // A text that o200k_base counts as `counted` tokens was reported as `reported`. Reports that
  // can't be of the same text (no tokens, or ten times more or fewer) are not believed.
  void learn(std::uint64_t counted, std::uint64_t reported);

  // The model's tokens, to the nearest.
  std::uint64_t estimate(std::uint64_t counted) const;

  // How far off estimates of single texts were in the mean, in thousandths; before the first
  // reports, what the family's row says.
  std::uint32_t error() const { return error_; }

  std::uint32_t ratio() const;  // thousandths

  std::uint64_t counted() const { return counted_; }
  std::uint64_t reported() const { return reported_; }

 private:
  static constexpr std::uint64_t kPrior = 2'000;
  static constexpr std::uint64_t kMemory = 4'000'000;  // tokens; older reports fade beyond

  std::uint64_t counted_;
  std::uint64_t reported_;
  std::uint32_t error_;
};

}  // namespace farebox
