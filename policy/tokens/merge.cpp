#include "policy/tokens/merge.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <optional>
#include <queue>

#include "config/base/check.hpp"

namespace farebox {
namespace {

// More than any rank and place, and so is Vocabulary::kNone with any place.
constexpr std::uint32_t kNever = Vocabulary::kNone << 6;

std::uint64_t bit(std::size_t at) { return std::uint64_t{1} << at; }

// The next begin after `at`, else `length`.
std::size_t next_begin(std::uint64_t begins, std::size_t at, std::size_t length) {
  const std::uint64_t later = at == 63 ? 0 : begins >> (at + 1);
  return later == 0 ? length : at + 1 + static_cast<std::size_t>(std::countr_zero(later));
}

}  // namespace

std::uint64_t merge_small(const Vocabulary& vocabulary, const unsigned char* piece,
                          std::size_t length) {
  // For each begin, the rank of its token and the next together, and the place below it, so
  // that the least one is the lowest rank and of equals the leftmost.
  std::array<std::uint32_t, kSmallPiece> order;
  const auto ask = [&](std::size_t from, std::size_t end) {
    return vocabulary.rank_padded(piece + from, end - from) << 6 | static_cast<std::uint32_t>(from);
  };
  for (std::size_t i = 0; i + 1 < length; ++i) order[i] = ask(i, i + 2);
  order[length - 1] = kNever;
  std::uint64_t begins = length == 64 ? ~std::uint64_t{0} : bit(length) - 1;
  while (true) {
    std::uint32_t least = kNever;
    for (std::size_t i = 0; i < length; ++i) least = std::min(least, order[i]);
    if (least >= kNever) return begins;
    const std::size_t at = least & 63;
    const std::size_t joined = next_begin(begins, at, length);
    begins &= ~bit(joined);
    order[joined] = kNever;
    const std::size_t end = next_begin(begins, at, length);
    order[at] = end == length ? kNever : ask(at, next_begin(begins, end, length));
    const std::uint64_t earlier = begins & (bit(at) - 1);
    if (earlier != 0) {
      const auto before = static_cast<std::size_t>(63 - std::countl_zero(earlier));
      order[before] = ask(before, end);
    }
  }
}

std::vector<std::uint32_t> merge_large(const Vocabulary& vocabulary,
                                       std::span<const unsigned char> piece) {
  CHECK(piece.size() < 0xFFFFFFFF);
  const auto length = static_cast<std::uint32_t>(piece.size());
  // A list of begins: the end of each token, and the begin of the one before it.
  std::vector<std::uint32_t> end(length), before(length);
  struct Merge {
    std::uint32_t rank, at, middle, end;  // of both tokens together
    bool operator>(const Merge& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  std::priority_queue<Merge, std::vector<Merge>, std::greater<>> merges;
  const auto offer = [&](std::uint32_t at, std::uint32_t middle) {
    if (middle == length) return;
    const std::uint32_t rank = vocabulary.rank(piece.data() + at, end[middle] - at);
    if (rank != Vocabulary::kNone) merges.push({rank, at, middle, end[middle]});
  };
  for (std::uint32_t i = 0; i < length; ++i) {
    end[i] = i + 1;
    before[i] = i - 1;
  }
  for (std::uint32_t i = 0; i + 1 < length; ++i) offer(i, i + 1);
  while (!merges.empty()) {
    const Merge merge = merges.top();
    merges.pop();
    // A merge of tokens that have become others: end is 0 of what begins no token any more.
    if (end[merge.at] != merge.middle || end[merge.middle] != merge.end) continue;
    end[merge.at] = merge.end;
    end[merge.middle] = 0;
    if (merge.end != length) before[merge.end] = merge.at;
    offer(merge.at, merge.end);
    if (merge.at != 0) offer(before[merge.at], merge.at);
  }
  std::vector<std::uint32_t> begins;
  for (std::uint32_t at = 0; at < length; at = end[at]) begins.push_back(at);
  begins.push_back(length);
  return begins;
}

void LongMerger::merge_window(std::span<const unsigned char> window,
                              std::vector<std::uint32_t>& begins) {
  Known* known = nullptr;
  if (window.size() >= 16 && window.size() <= kLongestKnown) {
    if (known_.empty()) known_.resize(kKnown);
    const std::uint64_t hash = packed::hash_of(window.data(), window.size());
    known = &known_[hash % kKnown];
    if (std::equal(window.begin(), window.end(), known->octets.begin(), known->octets.end())) {
      begins = known->begins;
      return;
    }
  }
  if (window.size() <= kSmallPiece) {
    std::array<unsigned char, kSmallPiece + 16> padded{};
    std::copy(window.begin(), window.end(), padded.begin());
    std::uint64_t mask = merge_small(*vocabulary_, padded.data(), window.size());
    begins.clear();
    for (; mask != 0; mask &= mask - 1) {
      begins.push_back(static_cast<std::uint32_t>(std::countr_zero(mask)));
    }
    begins.push_back(static_cast<std::uint32_t>(window.size()));
  } else {
    begins = merge_large(*vocabulary_, window);
  }
  if (known != nullptr) {
    known->octets.assign(window.begin(), window.end());
    known->begins = begins;
  }
}

// A token that two windows have at the same place: its index in each of them.
struct LongMerger::Common {
  std::size_t in_now;
  std::size_t in_next;
};

std::optional<LongMerger::Common> LongMerger::common_token(std::size_t first,
                                                           std::size_t shift) const {
  std::size_t i = first;
  std::size_t j = 0;
  while (i + 1 < now_.size() && j + 1 < next_.size()) {
    const std::size_t mine = now_[i];
    const std::size_t other = shift + next_[j];
    if (mine != other) {
      ++(mine < other ? i : j);
    } else if (now_[i + 1] == shift + next_[j + 1]) {
      return Common{i, j};
    } else {
      ++i;
      ++j;
    }
  }
  return std::nullopt;
}

std::size_t LongMerger::run(std::span<const unsigned char> piece, std::vector<std::size_t>* ends) {
  std::size_t window = kSmallPiece;
  std::size_t at = 0;    // where the window of now_ begins
  std::size_t from = 0;  // the first of its tokens that isn't counted yet
  std::size_t count = 0;
  const std::size_t ends_before = ends == nullptr ? 0 : ends->size();
  const auto take = [&](std::size_t until) {
    count += until - from;
    for (; ends != nullptr && from < until; ++from) ends->push_back(at + now_[from + 1]);
    from = until;
  };
  const auto merge_at = [&](std::size_t place, std::vector<std::uint32_t>& begins) {
    merge_window(piece.subspan(place, std::min(window, piece.size() - place)), begins);
  };
  merge_at(0, now_);
  while (true) {
    // Invariant: the tokens counted, and those of now_ from `from` on, are what the piece up to
    // the end of this window is merged to.
    const std::size_t tokens = now_.size() - 1;
    if (at + now_[tokens] == piece.size()) {
      take(tokens);
      return count;
    }
    // The next window begins at the last token that has a quarter of this one behind it.
    std::size_t overlap = tokens - 1;
    while (overlap > from && now_[tokens] - now_[overlap] < window / 4) --overlap;
    std::size_t shift = now_[overlap];
    if (shift == 0) {
      // A few long tokens: look further from the same place.
      window *= 4;
      overlap = from;
    }
    merge_at(at + shift, next_);
    while (true) {
      if (at + shift == 0) break;  // nothing is counted yet, so nothing must fit
      const auto common = common_token(overlap, shift);
      if (common) {
        take(common->in_now);
        from = common->in_next;
        break;
      }
      // From the begin of this window, and at last from the begin of the piece.
      overlap = from;
      const bool to_the_end = at + window >= piece.size() && shift == 0;
      if (to_the_end) {
        at = from = count = 0;
        if (ends != nullptr) ends->resize(ends_before);
      }
      shift = 0;
      window *= 4;
      if (to_the_end) window = piece.size();
      merge_at(at, next_);
    }
    at += shift;
    now_.swap(next_);
    if (window > kSmallPiece) window /= 2;
  }
}

}  // namespace farebox
