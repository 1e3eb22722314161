#include "policy/tokens/image_size.hpp"

#include <algorithm>
#include <string>

namespace farebox {
namespace {

std::uint32_t octet(std::string_view octets, std::size_t at) {
  return static_cast<unsigned char>(octets[at]);
}

std::uint32_t big16(std::string_view octets, std::size_t at) {
  return octet(octets, at) << 8 | octet(octets, at + 1);
}

std::uint32_t big32(std::string_view octets, std::size_t at) {
  return big16(octets, at) << 16 | big16(octets, at + 2);
}

std::uint32_t little16(std::string_view octets, std::size_t at) {
  return octet(octets, at + 1) << 8 | octet(octets, at);
}

std::uint32_t little24(std::string_view octets, std::size_t at) {
  return octet(octets, at + 2) << 16 | little16(octets, at);
}

// JPEG (ITU-T T.81, annex B): marker segments up to the frame header, SOF0 to SOF15.
std::optional<ImageSize> jpeg_size(std::string_view octets) {
  std::size_t at = 2;  // behind SOI
  while (at + 9 <= octets.size()) {
    if (octet(octets, at) != 0xFF) return std::nullopt;
    const std::uint32_t marker = octet(octets, at + 1);
    if (marker == 0xFF) {  // a fill octet
      ++at;
      continue;
    }
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
                       marker != 0xCC;
    if (frame) return ImageSize{big16(octets, at + 7), big16(octets, at + 5)};
    const bool alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7);
    at += alone ? 2 : 2 + big16(octets, at + 2);
  }
  return std::nullopt;
}

// WebP container: RIFF, size, "WEBP", then the first chunk.
std::optional<ImageSize> webp_size(std::string_view octets) {
  if (octets.size() < 30) return std::nullopt;
  const std::string_view chunk = octets.substr(12, 4);
  if (chunk == "VP8X") return ImageSize{little24(octets, 24) + 1, little24(octets, 27) + 1};
  if (chunk == "VP8 ") {
    return ImageSize{little16(octets, 26) & 0x3FFF, little16(octets, 28) & 0x3FFF};
  }
  if (chunk == "VP8L" && octet(octets, 20) == 0x2F) {
    const std::uint32_t bits = little16(octets, 21) | little16(octets, 23) << 16;
    return ImageSize{(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
  }
  return std::nullopt;
}

// The value of a base64 digit, either alphabet; 64: none.
std::uint32_t base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0') + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return 64;
}

// What isn't a digit is passed over: line ends, and JSON's escape of a slash.
std::string decode_base64(std::string_view text, std::size_t most) {
  std::string octets;
  octets.reserve(std::min(most, text.size() / 4 * 3 + 3));
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    if (c == '=' || octets.size() == most) break;
    const std::uint32_t digit = base64_digit(c);
    if (digit == 64) continue;
    bits = (bits << 6 | digit) & 0xFFFFFF;
    held += 6;
    if (held >= 8) {
      held -= 8;
      octets.push_back(static_cast<char>(bits >> held & 0xFF));
    }
  }
  return octets;
}

}  // namespace

std::optional<ImageSize> image_size(std::string_view octets) {
  using namespace std::string_view_literals;
  if (octets.starts_with("\x89PNG\r\n\x1a\n"sv) && octets.size() >= 24) {
    return ImageSize{big32(octets, 16), big32(octets, 20)};
  }
  if (octets.starts_with("GIF8"sv) && octets.size() >= 10) {
    return ImageSize{little16(octets, 6), little16(octets, 8)};
  }
  if (octets.starts_with("\xFF\xD8"sv)) return jpeg_size(octets);
  if (octets.starts_with("RIFF"sv) && octets.size() >= 12 && octets.substr(8, 4) == "WEBP"sv) {
    return webp_size(octets);
  }
  return std::nullopt;
}

std::optional<ImageSize> image_size_of_data_url(std::string_view url) {
  if (!url.starts_with("data:")) return std::nullopt;
  const auto comma = url.find(',');
  if (comma == url.npos || url.substr(0, comma).find(";base64") == url.npos) return std::nullopt;
  const std::string_view data = url.substr(comma + 1);
  // A size is mostly in the first octets; only a JPEG may hide it behind a long preface.
  for (std::size_t most = 4096; most <= kMostOfImage; most *= 128) {
    const std::string octets = decode_base64(data, most);
    if (const auto size = image_size(octets)) return size;
    if (octets.size() < most || !octets.starts_with("\xFF\xD8")) break;
  }
  return std::nullopt;
}

}  // namespace farebox
