#include "policy/tokens/stream_counter.hpp"

#include "policy/tokens/characters.hpp"

namespace farebox {
namespace {

constexpr std::size_t kPatience = 4096;
constexpr std::string_view kBlanks = " \n\t";

}  // namespace

void StreamCounter::feed(std::string_view octets) {
  kept_ += octets;
  if (broken_) return;
  valid_ += valid_prefix(std::string_view(kept_).substr(valid_));
  broken_ = !may_become_valid(std::string_view(kept_).substr(valid_));
  // A piece that goes on and on is looked at again only when it has grown by half, so that
  // all looks together stay linear.
  if (broken_ || kept_.size() < next_try_) return;
  const auto counted = counter_->count_pieces(
      std::string_view(kept_).substr(counted_, valid_ - counted_), Rest::unknown);
  if (counted.octets != 0) settle(counted);
  const std::size_t open = kept_.size() - counted_;
  next_try_ = open > kPatience ? kept_.size() + open / 2 : 0;
}

// Lets go of what no later octet can change. Blank tokens before the last piece could still be
// taken back by octets that aren't UTF-8, so blanks are kept together with what is before them.
void StreamCounter::settle(const TokenCounter::Counted& counted) {
  const std::string_view fresh = std::string_view(kept_).substr(counted_, counted.octets);
  std::size_t gone = 0;
  if (kBlanks.find(fresh.back()) == kBlanks.npos) {
    gone = counted_ + counted.octets;
    settled_tokens_ += kept_tokens_ + counted.tokens;
    kept_tokens_ = 0;
  } else if (fresh.find_first_not_of(kBlanks) != fresh.npos) {
    gone = counted_;
    settled_tokens_ += kept_tokens_;
    kept_tokens_ = counted.tokens;
  } else {
    kept_tokens_ += counted.tokens;
  }
  counted_ += counted.octets - gone;
  valid_ -= gone;
  kept_.erase(0, gone);
}

std::size_t StreamCounter::tokens() const {
  if (broken_ || valid_ != kept_.size()) return settled_tokens_ + counter_->count(kept_);
  const auto open = counter_->count_pieces(std::string_view(kept_).substr(counted_), Rest::none);
  return settled_tokens_ + kept_tokens_ + open.tokens;
}

}  // namespace farebox
