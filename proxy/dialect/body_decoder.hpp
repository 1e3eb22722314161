// BodyDecoder: undoes a reply's content-encoding for the usage reader, on the side; the
// client gets the octets as they came. Output comes in pieces of bounded size, and a reply
// that unpacks to more than a limit, or to far more than came, is given up: a small body can't
// become a large one, nor much work.
//
//   while (decoder.next(piece, decoded)) reader.feed(decoded);
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace farebox {

class BodyDecoder {
 public:
  static constexpr std::uint64_t kMaxDecoded = 64ull << 20;
  // Answers pack 5 to 20 times. What came is counted in slices that have begun.
  static constexpr std::uint64_t kFreeOctets = 1 << 20;
  static constexpr std::uint64_t kMaxRatio = 100;
  static constexpr std::uint64_t kSlice = 1 << 10;

  // `content_encoding` is the header's value; empty means identity. Known are gzip,
  // deflate, br and zstd (RFC 9110 section 8.4.1, RFC 7932, RFC 8878), one at a time.
  explicit BodyDecoder(std::string_view content_encoding, std::uint64_t limit = kMaxDecoded);
  ~BodyDecoder();
  BodyDecoder(BodyDecoder&&) noexcept;
  BodyDecoder& operator=(BodyDecoder&&) noexcept;

  // Decodes octets off the front of `piece`; `decoded` is valid until the next call. False:
  // the piece is used up, or the body is unreadable.
  bool next(std::string_view& piece, std::string_view& decoded);

  // The encoding is unknown, the octets don't follow it, or a bound was passed: nothing
  // more comes, and what came so far is incomplete.
  bool unreadable() const { return unreadable_; }

  class Codec;

 private:
  std::uint64_t most_decoded() const;

  std::unique_ptr<Codec> codec_;  // null: identity
  std::uint64_t limit_;           // of what may come out, whatever came
  std::uint64_t taken_ = 0;       // octets that the codec has
  std::uint64_t slice_end_ = 0;   // it gets no more than these before all of them is decoded
  std::uint64_t decoded_ = 0;     // octets that came out
  bool drained_ = true;           // nothing more comes of what the codec has
  bool unreadable_ = false;
};

}  // namespace farebox
