#include "policy/tokens/vocabulary.hpp"

#include <algorithm>
#include <optional>

#include "config/base/check.hpp"
#include "config/vocabulary/bundled.hpp"

namespace farebox {

using namespace packed;

namespace {

// r50k_base is p50k_base without its last tokens, runs of blanks; a unit test holds the two
// rank files against each other.
constexpr std::uint32_t kRanksOfR50k = 50'256;

}  // namespace

struct Vocabulary::All {
  std::optional<Vocabulary> of[4];

  All() {
    of[0] = make("o200k_base", kNone);
    of[1] = make("cl100k_base", kNone);
    of[2] = make("p50k_base", kNone);
    of[3] = make("p50k_base", kRanksOfR50k);
  }

  static std::optional<Vocabulary> make(std::string_view name, std::uint32_t limit) {
    const auto packed = bundled_vocabulary(name);
    if (!packed) return std::nullopt;
    Vocabulary made;
    made.at_ = packed->at;
    made.longest_ = packed->longest;
    made.limit_ = limit;
    std::memcpy(made.lengths_.data(), packed->at, sizeof made.lengths_);
    // A look-up of up to sixteen octets doesn't ask whether any token is so long.
    for (std::size_t length = 1; length <= 16; ++length) CHECK(made.lengths_[length].slots != 0);
    return made;
  }
};

const Vocabulary* Vocabulary::of(Encoding encoding) {
  static const All all;
  const auto pick = [](const std::optional<Vocabulary>& each) { return each ? &*each : nullptr; };
  switch (base_of(encoding)) {
    case Encoding::o200k_base: return pick(all.of[0]);
    case Encoding::cl100k_base: return pick(all.of[1]);
    case Encoding::p50k_base: return pick(all.of[2]);
    default: return pick(all.of[3]);
  }
}

std::uint32_t Vocabulary::rank_of_long(const unsigned char* at, std::size_t length) const {
  const LengthTable& table = lengths_[length];
  if (table.slots == 0) return kNone;
  const unsigned char* const slot = slot_of(table, hash_of(at, length), length);
  if (std::memcmp(slot + 3, at, length) != 0) return kNone;
  return visible(load4(slot) & 0xFFFFFF);
}

}  // namespace farebox
