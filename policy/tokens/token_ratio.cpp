#include "policy/tokens/token_ratio.hpp"

#include <algorithm>

namespace farebox {
namespace {

// Ten times off is another text; more tokens than this at once is no single text.
constexpr std::uint64_t kFarOff = 10;
constexpr std::uint64_t kLargest = 100'000'000;

// A report moves the ratio as if it were off by twice the known error at most, and by these.
constexpr std::uint64_t kLeastPull = 100;  // thousandths
constexpr std::uint64_t kMostPull = 500;

// The error is the ninth decile of what was missed: it falls a little when an estimate was
// within, and rises by nine times that when one wasn't, so it rests where one in ten isn't.
constexpr std::uint32_t kErrorStep = 128;
constexpr std::uint32_t kMostError = 2'000;

}  // namespace

TokenRatio::TokenRatio(const TokenizerOf& family)
    : of_family_(family.ratio),
      state_{kPrior, kPrior * family.ratio / 1000, family.error, 0} {}

TokenRatio::TokenRatio(const TokenizerOf& family, const State& state)
    : of_family_(family.ratio), state_(state) {
  if (state_.counted < kPrior || state_.counted > kMemory) {
    *this = TokenRatio(family);
    return;
  }
  stay_sane();
}

bool TokenRatio::learn(std::uint64_t counted, std::uint64_t reported) {
  if (counted == 0 || reported == 0 || counted > kLargest || reported > kLargest) return false;
  if (reported > counted * kFarOff || counted > reported * kFarOff) return false;
  const std::uint64_t weight = std::min(counted, kMostOfOne);
  const std::uint64_t said = (reported * weight + counted / 2) / counted;
  const std::uint64_t expected = std::max<std::uint64_t>(estimate(weight), 1);
  const std::uint64_t off = expected > said ? expected - said : said - expected;
  const std::uint64_t missed = off * 1000 / std::max<std::uint64_t>(said, 1);
  const std::uint64_t pull = std::clamp<std::uint64_t>(2ull * state_.error, kLeastPull, kMostPull);
  const std::uint64_t room = std::max<std::uint64_t>(expected * pull / 1000, 1);

  const std::uint32_t step = state_.error / kErrorStep + 1;
  state_.error = missed > state_.error ? state_.error + 9 * step
                                       : state_.error - std::min(step, state_.error);
  state_.counted += weight;
  state_.reported += std::clamp(said, expected - std::min(room, expected), expected + room);
  ++state_.lessons;
  stay_sane();
  return true;
}

void TokenRatio::stay_sane() {
  // Halves keep the ratio; the least that remains is still more than the prior.
  while (state_.counted > kMemory) {
    state_.counted /= 2;
    state_.reported /= 2;
  }
  const std::uint64_t usual = state_.counted * of_family_ / 1000;
  state_.reported = std::clamp(state_.reported, usual / kFarthest, usual * kFarthest);
  state_.error = std::min(state_.error, kMostError);
}

std::uint64_t TokenRatio::estimate(std::uint64_t counted) const {
  __extension__ using Wide = unsigned __int128;
  const Wide exact = static_cast<Wide>(counted) * state_.reported + state_.counted / 2;
  return static_cast<std::uint64_t>(std::min<Wide>(exact / state_.counted, ~std::uint64_t{0}));
}

std::uint32_t TokenRatio::ratio() const {
  return static_cast<std::uint32_t>((state_.reported * 1000 + state_.counted / 2) /
                                    state_.counted);
}

}  // namespace farebox
