// ImageSize: how large an image is, from the first octets of its file.
//
// PNG (its IHDR chunk), GIF (logical screen), JPEG (the frame header, behind what cameras put
// before it), WebP (VP8, VP8L, VP8X). Nothing is decoded; any octets are accepted.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace farebox {

struct ImageSize {
  std::uint32_t width = 0;   // pixels
  std::uint32_t height = 0;  // pixels
};

// Nothing where the octets aren't such an image, or end before its size.
std::optional<ImageSize> image_size(std::string_view octets);

// The same of a data URL ("data:image/png;base64,..."), as it stands in a JSON string; only
// so much of it is decoded as a size needs, and at most kMostOfImage octets.
inline constexpr std::size_t kMostOfImage = std::size_t{1} << 19;
std::optional<ImageSize> image_size_of_data_url(std::string_view url);

}  // namespace farebox
