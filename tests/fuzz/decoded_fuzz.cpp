// Compressed answers of any octets: the first octet picks the content-encoding, the second into
// how long pieces the rest is cut. Cutting must change nothing, and no more comes out than a
// limit and a ratio to what came allow. The same octets as base64 come back as they were.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/dialect/base64.hpp"
#include "proxy/dialect/body_decoder.hpp"

namespace {

using namespace farebox;

constexpr std::string_view kEncodings[] = {"gzip", "deflate", "br", "zstd", "identity", "", " X-GZip ", "gzip, br"};
constexpr std::uint64_t kLimit = 1280 << 10;

// Above the free octets: small inputs meet the ratio, longer ones the limit.
std::uint64_t most_of(std::size_t octets) {
  const std::uint64_t slices = (octets + BodyDecoder::kSlice - 1) / BodyDecoder::kSlice;
  const std::uint64_t by_ratio =
      BodyDecoder::kFreeOctets + BodyDecoder::kMaxRatio * BodyDecoder::kSlice * slices;
  return std::min(kLimit, by_ratio);
}

void require(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::string text;
  bool unreadable = false;
};

Outcome run(std::string_view octets, std::size_t step, std::string_view encoding) {
  Outcome outcome;
  BodyDecoder decoder(encoding, kLimit);
  while (!octets.empty()) {
    const std::string part(octets.substr(0, step));
    octets.remove_prefix(part.size());
    std::string_view piece = part, decoded;
    while (decoder.next(piece, decoded)) {
      require(!decoded.empty());
      outcome.text += decoded;
    }
    require(piece.empty());
  }
  outcome.unreadable = decoder.unreadable();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view encoding = kEncodings[data[0] % 8];
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Outcome whole = run(octets, octets.size(), encoding);
  const Outcome cut = run(octets, 1 + data[1] % 64, encoding);
  require(whole.unreadable == cut.unreadable);
  // How much comes out before what can't be read depends on how it came.
  if (!whole.unreadable) require(whole.text == cut.text);
  require(whole.text.starts_with(cut.text) || cut.text.starts_with(whole.text));
  const bool as_it_is = encoding.empty() || encoding == "identity";
  require(as_it_is ? whole.text == octets : whole.text.size() <= most_of(octets.size()));

  std::string back;
  require(base64_decode(base64_encode(octets), back) && back == octets);
  if (!base64_decode(octets, back)) require(back.empty());
  require(back.size() <= octets.size() / 4 * 3 + 2);
  return 0;
}
