#include "proxy/dialect/body_decoder.hpp"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

#include "proxy/http/head.hpp"

namespace farebox {

// One compressed format. Each call to `step` takes from the front of `piece` and fills the
// buffer as far as it can.
class BodyDecoder::Codec {
 public:
  enum class Step : std::uint8_t { more, broken };

  virtual ~Codec() = default;
  virtual Step step(std::string_view& piece) = 0;

  std::string_view output() const { return {buffer_.data(), filled_}; }

 protected:
  std::array<char, 32 << 10> buffer_;
  std::size_t filled_ = 0;
};

namespace {

using Codec = BodyDecoder::Codec;

class ZlibCodec final : public Codec {
 public:
  enum class Wrapping : std::uint8_t { gzip, deflate };

  explicit ZlibCodec(Wrapping wrapping) : wrapping_(wrapping) {}
  ~ZlibCodec() override {
    if (open_) inflateEnd(&stream_);
  }
  ZlibCodec(const ZlibCodec&) = delete;
  ZlibCodec& operator=(const ZlibCodec&) = delete;

  Step step(std::string_view& piece) override {
    filled_ = 0;
    if (!open_ && !open(piece)) return Step::broken;
    // gzip members may follow one another (RFC 1952 section 2.2).
    if (ended_ && !piece.empty()) {
      if (wrapping_ != Wrapping::gzip || inflateReset(&stream_) != Z_OK) return Step::broken;
      ended_ = false;
    }
    const std::size_t offered = std::min<std::size_t>(piece.size(), 1u << 30);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(offered);
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = static_cast<uInt>(buffer_.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    piece.remove_prefix(offered - stream_.avail_in);
    filled_ = buffer_.size() - stream_.avail_out;
    ended_ = result == Z_STREAM_END;
    // Z_BUF_ERROR: nothing could be done for want of input; no harm.
    const bool fine = result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
    return fine ? Step::more : Step::broken;
  }

 private:
  bool open(std::string_view piece) {
    if (piece.empty()) return true;
    int window_bits = 15 + 16;  // gzip only
    if (wrapping_ == Wrapping::deflate) {
      // "deflate" means the zlib format, but some servers send it bare: a zlib header's
      // first octet has 8 in its low half (RFC 1950 section 2.2).
      window_bits = (static_cast<unsigned char>(piece.front()) & 0x0f) == 8 ? 15 : -15;
    }
    open_ = inflateInit2(&stream_, window_bits) == Z_OK;
    return open_;
  }

  z_stream stream_{};
  Wrapping wrapping_;
  bool open_ = false;
  bool ended_ = false;
};

class BrotliCodec final : public Codec {
 public:
  BrotliCodec() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}
  ~BrotliCodec() override { BrotliDecoderDestroyInstance(state_); }
  BrotliCodec(const BrotliCodec&) = delete;
  BrotliCodec& operator=(const BrotliCodec&) = delete;

  Step step(std::string_view& piece) override {
    filled_ = 0;
    if (state_ == nullptr) return Step::broken;
    if (BrotliDecoderIsFinished(state_)) return piece.empty() ? Step::more : Step::broken;
    std::size_t input_left = piece.size();
    auto* input = reinterpret_cast<const std::uint8_t*>(piece.data());
    std::size_t output_left = buffer_.size();
    auto* output = reinterpret_cast<std::uint8_t*>(buffer_.data());
    const BrotliDecoderResult result = BrotliDecoderDecompressStream(
        state_, &input_left, &input, &output_left, &output, nullptr);
    piece.remove_prefix(piece.size() - input_left);
    filled_ = buffer_.size() - output_left;
    return result == BROTLI_DECODER_RESULT_ERROR ? Step::broken : Step::more;
  }

 private:
  BrotliDecoderState* state_;
};

class ZstdCodec final : public Codec {
 public:
  ZstdCodec() : stream_(ZSTD_createDStream()) {
    // RFC 9659: in HTTP a window has at most 8 MiB.
    if (stream_ != nullptr) ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 23);
  }
  ~ZstdCodec() override { ZSTD_freeDStream(stream_); }
  ZstdCodec(const ZstdCodec&) = delete;
  ZstdCodec& operator=(const ZstdCodec&) = delete;

  Step step(std::string_view& piece) override {
    filled_ = 0;
    if (stream_ == nullptr || !begins_a_frame(piece)) return Step::broken;
    ZSTD_inBuffer input{piece.data(), piece.size(), 0};
    ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
    const std::size_t result = ZSTD_decompressStream(stream_, &output, &input);
    piece.remove_prefix(input.pos);
    filled_ = output.pos;
    seen_ = result == 0 ? 0 : std::min(seen_ + input.pos, kMagicSize);  // 0: the frame has ended
    return ZSTD_isError(result) != 0 ? Step::broken : Step::more;
  }

 private:
  static constexpr std::size_t kMagicSize = 4;

  // RFC 8878, 3.1: a frame or a skippable one. The library also reads formats from before the
  // RFC, with decoders that nobody looks after, and gives octets of memory that nobody wrote.
  bool begins_a_frame(std::string_view piece) const {
    constexpr std::string_view kFrame("\x28\xB5\x2F\xFD", kMagicSize);
    constexpr std::string_view kSkippable("\x50\x2A\x4D\x18", kMagicSize);
    const std::size_t count = std::min(piece.size(), kMagicSize - seen_);
    bool frame = true, skippable = true;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = seen_ + i;
      frame = frame && piece[i] == kFrame[at];
      // The low half of its first octet is free.
      const char octet = at == 0 ? static_cast<char>(piece[i] & 0xF0) : piece[i];
      skippable = skippable && octet == kSkippable[at];
    }
    return frame || skippable;
  }

  ZSTD_DStream* stream_;
  std::size_t seen_ = 0;  // octets of the frame's magic number
};

bool is_identity(std::string_view encoding) {
  return encoding.empty() || http::equals_ignoring_case(encoding, "identity");
}

std::unique_ptr<Codec> codec_for(std::string_view encoding) {
  const auto is = [encoding](std::string_view name) {
    return http::equals_ignoring_case(encoding, name);
  };
  if (is("gzip") || is("x-gzip")) return std::make_unique<ZlibCodec>(ZlibCodec::Wrapping::gzip);
  if (is("deflate")) return std::make_unique<ZlibCodec>(ZlibCodec::Wrapping::deflate);
  if (is("br")) return std::make_unique<BrotliCodec>();
  if (is("zstd")) return std::make_unique<ZstdCodec>();
  return nullptr;
}

}  // namespace

BodyDecoder::BodyDecoder(std::string_view content_encoding, std::uint64_t limit) : limit_(limit) {
  const std::string_view encoding = http::trim(content_encoding);
  if (is_identity(encoding)) return;
  codec_ = codec_for(encoding);
  unreadable_ = codec_ == nullptr;
}

BodyDecoder::~BodyDecoder() = default;
BodyDecoder::BodyDecoder(BodyDecoder&&) noexcept = default;
BodyDecoder& BodyDecoder::operator=(BodyDecoder&&) noexcept = default;

bool BodyDecoder::next(std::string_view& piece, std::string_view& decoded) {
  if (unreadable_) {
    piece = {};
    return false;
  }
  if (codec_ == nullptr) {
    decoded = piece;
    piece = {};
    return !decoded.empty();
  }
  while (!piece.empty() || !drained_) {
    if (drained_ && taken_ == slice_end_) slice_end_ += kSlice;
    std::string_view part = piece.substr(0, slice_end_ - taken_);
    const std::size_t given = part.size();
    const bool broken = codec_->step(part) == Codec::Step::broken;
    const std::size_t used = given - part.size();
    piece.remove_prefix(used);
    taken_ += used;
    decoded = codec_->output();
    drained_ = decoded.empty();
    unreadable_ = broken || decoded.size() > most_decoded() - decoded_;
    if (decoded.size() > most_decoded() - decoded_) decoded = {};
    decoded_ += decoded.size();
    if (!decoded.empty()) return true;
    const bool goes_on = used != 0 || given == 0;  // else it takes nothing of what there is
    if (unreadable_ || !goes_on) piece = {};
    if (unreadable_) return false;
  }
  return false;
}

// How the body was cut must not decide whether it can be read. How much a codec has taken when it
// gives something depends on that, so the bound doesn't go by it: it is the same for a whole
// slice, slices begin at the same octets whatever the cuts, and none is begun before all that the
// one before it says is out. So what comes out of a slice, and what it is held against, are the
// same for every cut.
std::uint64_t BodyDecoder::most_decoded() const {
  return std::min(limit_, kFreeOctets + kMaxRatio * slice_end_);
}

}  // namespace farebox
