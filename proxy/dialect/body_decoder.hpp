// BodyDecoder: undoes a reply's content-encoding for the usage reader, on the side; the
// client gets the octets as they came. Output comes in pieces of bounded size, and a reply
// that unpacks to more than a limit is given up, so a small body can't become a large one.
//
//   while (decoder.next(piece, decoded)) reader.feed(decoded);
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace farebox {

class BodyDecoder {
 public:
  static constexpr std::uint64_t kMaxDecoded = 256ull << 20;

  // `content_encoding` is the header's value; empty means identity. Known are gzip,
  // deflate, br and zstd (RFC 9110 section 8.4.1, RFC 7932, RFC 8878), one at a time.
  explicit BodyDecoder(std::string_view content_encoding, std::uint64_t limit = kMaxDecoded);
  ~BodyDecoder();
  BodyDecoder(BodyDecoder&&) noexcept;
  BodyDecoder& operator=(BodyDecoder&&) noexcept;

  // Decodes octets off the front of `piece`; `decoded` is valid until the next call. False:
  // the piece is used up, or the body is unreadable.
  bool next(std::string_view& piece, std::string_view& decoded);

  // The encoding is unknown, the octets don't follow it, or the limit was passed: nothing
  // more comes, and what came so far is incomplete.
  bool unreadable() const { return unreadable_; }

  class Codec;

 private:
  std::unique_ptr<Codec> codec_;  // null: identity
  std::uint64_t left_;            // octets that may still come out
  bool unreadable_ = false;
};

}  // namespace farebox
