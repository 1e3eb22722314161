// TokenCounter: how many tokens a text is, exactly as the reference counts it.
//
// The reference is tiktoken: `encode_ordinary` for valid UTF-8, its bytes API
// (`_encode_bytes`) for everything else: from the last piece before the first broken octet on,
// all that follows is one piece. What looks like a special token is ordinary text.
//
// A counter holds a memory of pieces (piece_counter.hpp), so it gets faster as it goes, and is
// for one thread at a time; make one for each thread and encoding, and keep it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "policy/tokens/block.hpp"
#include "policy/tokens/piece_counter.hpp"
#include "policy/tokens/pieces.hpp"

namespace farebox {

class TokenCounter {
 public:
  // Nothing where this build has no vocabulary for `encoding` (see ./dev setup).
  static std::optional<TokenCounter> make(Encoding encoding,
                                          Instructions instructions = best_instructions());

  // One whose counts are upper bounds, never too low: exact for pieces that are tokens, which
  // nearly all of English are, and most_merged (piece_counter.hpp) for others, so that no
  // text makes it slow. For limits before a call.
  static std::optional<TokenCounter> make_bounding(Encoding encoding);

  // The tokens of any octets. Linear in their number; allocates only for pieces of more than
  // sixty-four octets.
  std::size_t count(std::string_view text);

  // The same where special_tokens of the encoding are one token each, as `encode` with all of
  // them allowed.
  std::size_t count_with_special_tokens(std::string_view text);

  // The ids themselves, by the plain way: for tests and for people.
  std::vector<std::uint32_t> ids(std::string_view text);

  Encoding encoding() const { return encoding_; }

  // For those who feed text bit by bit (stream_counter.hpp).

  // Counts the pieces from the front of valid UTF-8 that are certain whatever follows; where
  // nothing follows, all. Gives how many octets they are.
  struct Counted {
    std::size_t octets = 0;
    std::size_t tokens = 0;
  };
  Counted count_pieces(std::string_view valid, Rest rest);

  // The tokens of octets that are one piece by decree.
  std::size_t count_unsplit(std::string_view octets);

 private:
  TokenCounter(Encoding encoding, const Vocabulary& vocabulary, Instructions instructions,
               Precision precision);

  struct BrokenText {
    std::size_t unsplit = 0;  // from here on everything is one piece
    std::size_t tokens = 0;   // before it
  };
  BrokenText before_break(std::string_view valid);
  void split_piece(std::string_view piece, std::vector<std::size_t>& ends) const;
  struct Range {
    std::size_t from;
    std::size_t until;
  };
  // Appends the ends of the tokens of the pieces that begin within `range`.
  void split(std::string_view valid, Range range, std::vector<std::size_t>& ends) const;

  Encoding encoding_;
  Precision precision_;
  Pattern pattern_;
  const Vocabulary* vocabulary_;
  BlockBegins block_begins_;
  CharacterTable characters_;
  PieceCounter pieces_;
};

// A bound that needs no look at the text: no encoding makes more tokens than octets.
inline std::size_t most_tokens(std::string_view text) { return text.size(); }

}  // namespace farebox
