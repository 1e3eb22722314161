#include "policy/tokens/merge.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <optional>
#include <queue>

#include "config/base/check.hpp"
#include "policy/tokens/lanes.hpp"

namespace farebox {
namespace {

// Of what overlaps, these are mostly enough to find one in common.
constexpr std::size_t kFewTokens = 5;

}  // namespace

std::vector<std::uint32_t> merge_sweeping(const Vocabulary& vocabulary,
                                          std::span<const unsigned char> piece) {
  CHECK(!piece.empty() && piece.size() <= kMostSwept);
  std::array<unsigned char, kMostSwept + 16> octets;
  std::fill_n(std::copy(piece.begin(), piece.end(), octets.begin()), 16, static_cast<unsigned char>(0));
  const auto ask = [&](std::uint32_t from, std::uint32_t end) {
    return vocabulary.rank_padded(octets.data() + from, end - from);
  };
  // Of each token its begin, and the rank of it and the next together; then the length.
  std::size_t tokens = piece.size();
  std::array<std::uint32_t, kMostSwept + 1> begin;
  std::array<std::uint32_t, kMostSwept + 16> rank;
  for (std::uint32_t i = 0; i <= tokens; ++i) begin[i] = i;
  for (std::uint32_t i = 0; i + 1 < tokens; ++i) {
    const bool same = i != 0 && octets[i - 1] == octets[i] && octets[i] == octets[i + 1];
    rank[i] = same ? rank[i - 1] : ask(i, i + 2);
  }
  while (true) {
    // least_of may see so far.
    std::fill_n(&rank[tokens - 1], 16, Vocabulary::kNone);
    const std::uint32_t least = least_of<Four>(rank.data(), tokens);
    if (least == Vocabulary::kNone) break;
    std::size_t from = 0;
    while (rank[from] != least) ++from;
    std::size_t to = from;
    for (bool lower = false; from < tokens && !lower;) {
      begin[to] = begin[from];
      if (rank[from] != least) {
        rank[to++] = rank[from++];
        continue;
      }
      from += 2;
      // What it makes with its neighbours is longer, so never of this rank; but a lower one
      // goes first, and ends the sweep.
      rank[to] = from < tokens ? ask(begin[to], begin[from + 1]) : Vocabulary::kNone;
      lower = rank[to] < least;
      if (to != 0) {
        rank[to - 1] = ask(begin[to - 1], begin[from]);
        lower = lower || rank[to - 1] < least;
      }
      ++to;
    }
    std::copy(&begin[from], &begin[tokens] + 1, &begin[to]);
    std::copy(rank.data() + from, rank.data() + tokens, rank.data() + to);
    tokens -= from - to;
  }
  return {begin.data(), begin.data() + tokens + 1};
}

std::vector<std::uint32_t> merge_large(const Vocabulary& vocabulary,
                                       std::span<const unsigned char> piece) {
  CHECK(piece.size() < 0xFFFFFFFF);
  const auto length = static_cast<std::uint32_t>(piece.size());
  // A list of begins: the end of each token, and the begin of the one before it.
  std::vector<std::uint32_t> end(length), before(length);
  // Of each begin, the rank of its token and the next together.
  std::vector<std::uint32_t> rank(length, Vocabulary::kNone);
  // Rank, then place: what is merged first. What has another rank by now is an old offer.
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> merges;
  const auto offer = [&](std::uint32_t at, std::uint32_t middle) {
    rank[at] = middle == length ? Vocabulary::kNone
                                : vocabulary.rank(piece.data() + at, end[middle] - at);
    if (rank[at] != Vocabulary::kNone) merges.push(std::uint64_t{rank[at]} << 32 | at);
  };
  for (std::uint32_t i = 0; i < length; ++i) {
    end[i] = i + 1;
    before[i] = i - 1;
  }
  for (std::uint32_t i = 0; i + 1 < length; ++i) offer(i, i + 1);
  while (!merges.empty()) {
    const auto at = static_cast<std::uint32_t>(merges.top());
    const auto offered = static_cast<std::uint32_t>(merges.top() >> 32);
    merges.pop();
    if (rank[at] != offered) continue;
    const std::uint32_t joined = end[at];
    rank[joined] = Vocabulary::kNone;
    end[at] = end[joined];
    if (end[at] != length) before[end[at]] = at;
    offer(at, end[at]);
    if (at != 0) offer(before[at], at);
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
    begins = window.size() <= kMostSwept ? merge_sweeping(*vocabulary_, window)
                                         : merge_large(*vocabulary_, window);
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
    // The next window begins at the last token that has a quarter of this one behind it,
    // or an eighth if that is some tokens.
    std::size_t overlap = tokens - 1;
    const auto behind = [&](std::size_t token) { return now_[tokens] - now_[token]; };
    while (overlap > from && behind(overlap) < window / 4 &&
           (tokens - overlap < kFewTokens || behind(overlap) < window / 8)) {
      --overlap;
    }
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
    // Long tokens need long windows.
    if (window > kSmallPiece && now_.size() > window / 8) window /= 2;
  }
}

}  // namespace farebox
