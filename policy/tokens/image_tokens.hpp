// ImageRule: the prompt tokens of an image, by the model that looks at it.
//
// Two ways are published (OpenAI, guide "Images and vision", "Calculating costs"): tiles of
// 512 pixels, after the image was made to fit 2048 x 2048 and its short side 768; or patches
// of 32 pixels, at most 1536, times a factor of the model. Where recordings show other numbers
// than the guide, they stand here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/tokens/image_size.hpp"

namespace farebox {

enum class ImageDetail : std::uint8_t { high, low };  // what isn't said is high

struct ImageRule {
  bool patches = false;
  // Tiles: tokens of the image, and of each tile. With low detail the first alone.
  std::uint32_t base = 85;
  std::uint32_t tile = 170;
  // Patches: tokens of a hundred.
  std::uint32_t hundred_patches = 100;
};

// The rule of a model, or nothing: it reads no images as far as we know.
std::optional<ImageRule> image_rule(std::string_view model);

std::uint64_t image_tokens(const ImageRule& rule, ImageSize size, ImageDetail detail);

// The most tokens an image of any size can be.
std::uint64_t most_image_tokens(const ImageRule& rule, ImageDetail detail);

}  // namespace farebox
