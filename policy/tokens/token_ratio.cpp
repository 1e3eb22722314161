#include "policy/tokens/token_ratio.hpp"

#include <algorithm>

namespace farebox {
namespace {

// Ten times off is another text; more tokens than this at once is no single text.
constexpr std::uint64_t kFarOff = 10;
constexpr std::uint64_t kLargest = 100'000'000;
constexpr std::uint32_t kErrorShare = 16;  // a report is a sixteenth of the mean error

}  // namespace

TokenRatio::TokenRatio(const TokenizerOf& tokenizer)
    : counted_(kPrior), reported_(kPrior * tokenizer.ratio / 1000), error_(tokenizer.error) {}

void TokenRatio::learn(std::uint64_t counted, std::uint64_t reported) {
  if (counted == 0 || reported == 0 || counted > kLargest || reported > kLargest) return;
  if (reported > counted * kFarOff || counted > reported * kFarOff) return;
  const std::uint64_t expected = estimate(counted);
  const std::uint64_t off = expected > reported ? expected - reported : reported - expected;
  const auto missed = static_cast<std::uint32_t>(std::min<std::uint64_t>(off * 1000 / reported, 10'000));
  error_ = (error_ * (kErrorShare - 1) + missed) / kErrorShare;
  counted_ += counted;
  reported_ += reported;
  while (counted_ > kMemory) {
    counted_ /= 2;
    reported_ /= 2;
  }
}

std::uint64_t TokenRatio::estimate(std::uint64_t counted) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(counted) * reported_ + counted_ / 2) / counted_);
}

std::uint32_t TokenRatio::ratio() const {
  return static_cast<std::uint32_t>((reported_ * 1000 + counted_ / 2) / counted_);
}

}  // namespace farebox
