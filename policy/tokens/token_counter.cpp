#include "policy/tokens/token_counter.hpp"

#include <bit>

namespace farebox {
namespace {

// How far behind the begin of a block its last piece can be read: see PieceCounter::count.
constexpr std::size_t kBlockReach = kBlock + 16;

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// tiktoken's idea of a blank token (CoreBPE::_increase_last_piece_token_len).
bool is_blank(unsigned char octet) { return octet == ' ' || octet == '\n' || octet == '\t'; }

bool all_blank(std::string_view text) { return text.find_first_not_of(" \n\t") == text.npos; }

}  // namespace

std::optional<TokenCounter> TokenCounter::make(Encoding encoding, Instructions instructions) {
  const Vocabulary* const vocabulary = Vocabulary::of(encoding);
  if (vocabulary == nullptr) return std::nullopt;
  return TokenCounter(encoding, *vocabulary, instructions, Precision::exact);
}

std::optional<TokenCounter> TokenCounter::make_bounding(Encoding encoding) {
  const Vocabulary* const vocabulary = Vocabulary::of(encoding);
  if (vocabulary == nullptr) return std::nullopt;
  return TokenCounter(encoding, *vocabulary, best_instructions(), Precision::bound);
}

TokenCounter::TokenCounter(Encoding encoding, const Vocabulary& vocabulary,
                           Instructions instructions, Precision precision)
    : encoding_(encoding),
      precision_(precision),
      pattern_(pattern_of(encoding)),
      vocabulary_(&vocabulary),
      block_begins_(block_begins(pattern_, instructions)),
      pieces_(vocabulary, precision) {}

TokenCounter::Counted TokenCounter::count_pieces(std::string_view valid, Rest rest) {
  using Behind = PieceCounter::Behind;
  const unsigned char* const text = octets_of(valid);
  const std::size_t size = valid.size();
  std::size_t at = 0;
  std::size_t tokens = 0;
  while (at < size) {
    if (size - at >= kBlockReach && block_begins_ != nullptr && ((text[at] | text[at + 1]) & 0x80) == 0) {
      const unsigned char* const block = text + at;
      std::size_t begin = 0;
      for (std::uint64_t begins = block_begins_(block); begins != 0; begins &= begins - 1) {
        const auto end = static_cast<std::size_t>(std::countr_zero(begins));
        tokens += pieces_.count<Behind::sixteen_octets>(block + begin, end - begin);
        begin = end;
      }
      at += begin;
      if (begin != 0) continue;
    }
    const std::size_t end = piece_end(pattern_, characters_, {text, size}, at, rest);
    if (end == kUndecided) break;
    tokens += size - at >= 16
                  ? pieces_.count<Behind::sixteen_octets>(text + at, end - at)
                  : pieces_.count<Behind::nothing>(text + at, end - at);
    at = end;
  }
  return {at, tokens};
}

std::size_t TokenCounter::count(std::string_view text) {
  const std::size_t valid = valid_prefix(text);
  if (valid == text.size()) return count_pieces(text, Rest::none).tokens;
  if (precision_ == Precision::bound) return text.size();
  const BrokenText broken = before_break(text.substr(0, valid));
  return broken.tokens + count_unsplit(text.substr(broken.unsplit));
}

std::size_t TokenCounter::count_with_special_tokens(std::string_view text) {
  std::size_t tokens = 0;
  std::size_t from = 0;
  for (std::size_t at = text.find("<|"); at != text.npos; at = text.find("<|", at)) {
    std::size_t length = 0;
    for (const std::string_view special : special_tokens(encoding_)) {
      if (text.substr(at).starts_with(special)) length = special.size();
    }
    if (length == 0) {
      ++at;
      continue;
    }
    tokens += count(text.substr(from, at - from)) + 1;
    at += length;
    from = at;
  }
  return tokens + count(text.substr(from));
}

// What tiktoken does before octets that aren't UTF-8: the tokens of the last piece, and if the
// first of them is blank, the blank ones before it too, are taken back, and their octets and
// everything that follows are merged as one piece.
TokenCounter::BrokenText TokenCounter::before_break(std::string_view valid) {
  const unsigned char* const text = octets_of(valid);
  // A piece from which on nothing but blanks stands before the last piece, and what is before it.
  std::size_t anchor = 0, tokens_before_anchor = 0, tokens = 0;
  std::size_t last = 0;
  for (std::size_t at = 0; at < valid.size();) {
    const std::size_t end = piece_end(pattern_, characters_, {text, valid.size()}, at, Rest::none);
    last = at;
    if (end == valid.size()) break;
    const std::size_t here = pieces_.count<PieceCounter::Behind::nothing>(text + at, end - at);
    if (!is_blank(text[end - 1])) {
      anchor = end;
      tokens_before_anchor = tokens + here;
    } else if (!all_blank(valid.substr(at, end - at))) {
      anchor = at;
      tokens_before_anchor = tokens;
    }
    tokens += here;
    at = end;
  }
  if (valid.empty()) return {0, 0};
  // The begins of the tokens before the last piece, and of its own first one.
  std::vector<std::size_t> begins = {anchor};
  split(valid, {anchor, last}, begins);
  std::vector<std::size_t> own;
  split(valid, {last, valid.size()}, own);
  const std::size_t before = begins.size() - 1;
  std::size_t kept = before;
  if (all_blank(valid.substr(last, own.front() - last))) {
    while (kept > 0 && all_blank(valid.substr(begins[kept - 1], begins[kept] - begins[kept - 1]))) {
      --kept;
    }
  }
  return {begins[kept], tokens_before_anchor + kept};
}

std::size_t TokenCounter::count_unsplit(std::string_view octets) {
  if (octets.empty()) return 0;
  return pieces_.count<PieceCounter::Behind::nothing>(octets_of(octets), octets.size());
}

void TokenCounter::split_piece(std::string_view piece, std::vector<std::size_t>& ends) const {
  if (vocabulary_->rank(octets_of(piece), piece.size()) != Vocabulary::kNone) {
    ends.push_back(piece.size());
    return;
  }
  LongMerger(*vocabulary_).split({octets_of(piece), piece.size()}, ends);
}

void TokenCounter::split(std::string_view valid, Range range,
                         std::vector<std::size_t>& ends) const {
  std::vector<std::size_t> in_piece;
  while (range.from < range.until) {
    const std::size_t at = range.from;
    range.from =
        piece_end(pattern_, characters_, {octets_of(valid), valid.size()}, at, Rest::none);
    in_piece.clear();
    split_piece(valid.substr(at, range.from - at), in_piece);
    for (const std::size_t each : in_piece) ends.push_back(at + each);
  }
}

std::vector<std::uint32_t> TokenCounter::ids(std::string_view text) {
  const std::size_t valid = valid_prefix(text);
  std::vector<std::size_t> ends;
  split(text.substr(0, valid), {0, valid}, ends);
  if (valid != text.size()) {
    const std::size_t unsplit = before_break(text.substr(0, valid)).unsplit;
    while (!ends.empty() && ends.back() > unsplit) ends.pop_back();
    std::vector<std::size_t> rest;
    split_piece(text.substr(unsplit), rest);
    for (const std::size_t each : rest) ends.push_back(unsplit + each);
  }
  std::vector<std::uint32_t> ids;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    ids.push_back(vocabulary_->rank(octets_of(text) + begin, end - begin));
    begin = end;
  }
  return ids;
}

}  // namespace farebox
