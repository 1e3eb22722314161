#include "policy/tokens/image_tokens.hpp"

#include <algorithm>
#include <cmath>

#include "policy/tokens/chat_rules.hpp"

namespace farebox {
namespace {

struct Row {
  std::string_view begins;  // of the model's name; the first that fits counts
  ImageRule rule;
};

constexpr ImageRule tiles(std::uint32_t base, std::uint32_t tile) {
  return {.patches = false, .base = base, .tile = tile};
}
constexpr ImageRule patches(std::uint32_t of_a_hundred) {
  return {.patches = true, .hundred_patches = of_a_hundred};
}

constexpr Row kRows[] = {
    {"gpt-4o-mini", tiles(2833, 5667)},      // guide; 10 recordings
    {"gpt-4o", tiles(85, 170)},              // guide; 6 recordings
    {"chatgpt-4o", tiles(85, 170)},
    {"gpt-4.1-mini", patches(162)},          // guide; 2 recordings
    {"gpt-4.1-nano", patches(246)},          // guide; 1 recording
    {"gpt-4.1", tiles(85, 170)},             // guide
    {"gpt-4.5", tiles(85, 170)},             // guide
    {"gpt-4-turbo", tiles(85, 170)},
    {"gpt-4-1106-vision", tiles(85, 170)},   // 1 recording
    {"gpt-4-vision", tiles(85, 170)},
    {"gpt-5-mini", patches(120)},            // 1 recording; the guide has 1.62
    {"gpt-5-nano", patches(150)},            // 4 recordings; the guide has 2.46
    {"gpt-5.", patches(120)},                // AD-HOC: like gpt-5-mini; not seen
    {"gpt-5", tiles(70, 140)},               // guide; 1 recording
    {"o4-mini", patches(172)},               // guide; 2 recordings
    {"o1", tiles(75, 150)},                  // guide
    {"o3", tiles(75, 150)},                  // guide
    {"computer-use-preview", tiles(65, 129)},  // guide
};

constexpr std::uint32_t kMostPatches = 1536;

std::uint64_t tile_count(ImageSize size) {
  double width = size.width;
  double height = size.height;
  const double fit = std::min({1.0, 2048 / width, 2048 / height});
  width *= fit;
  height *= fit;
  const double shrink = std::min(1.0, 768 / std::min(width, height));
  // The scaled sides are whole pixels.
  const double across = std::ceil(std::floor(width * shrink + 0.5) / 512);
  const double down = std::ceil(std::floor(height * shrink + 0.5) / 512);
  return static_cast<std::uint64_t>(std::max(1.0, across) * std::max(1.0, down));
}

std::uint64_t patch_count(ImageSize size) {
  const double across = std::ceil(size.width / 32.0);
  const double down = std::ceil(size.height / 32.0);
  if (across * down <= kMostPatches) return static_cast<std::uint64_t>(across * down);
  // Made smaller until the patches fit, then so that one side is whole patches.
  const double width = size.width;
  const double height = size.height;
  double scale = std::sqrt(32.0 * 32.0 * kMostPatches / (width * height));
  const double wide = width * scale / 32;
  const double high = height * scale / 32;
  if (wide >= 1 && high >= 1) scale *= std::min(std::floor(wide) / wide, std::floor(high) / high);
  const double fit = std::max(1.0, std::ceil(width * scale / 32 - 1e-9)) *
                     std::max(1.0, std::ceil(height * scale / 32 - 1e-9));
  return static_cast<std::uint64_t>(std::min<double>(fit, kMostPatches));
}

std::uint64_t patch_tokens(const ImageRule& rule, std::uint64_t count) {
  return (count * rule.hundred_patches + 99) / 100 + 1;  // the mark that follows: 6 of 9
}

}  // namespace

std::optional<ImageRule> image_rule(std::string_view model) {
  model = bare_model(model);
  for (const Row& row : kRows) {
    if (model.starts_with(row.begins)) return row.rule;
  }
  return std::nullopt;
}

std::uint64_t image_tokens(const ImageRule& rule, ImageSize size, ImageDetail detail) {
  if (size.width == 0 || size.height == 0) return most_image_tokens(rule, detail);
  if (rule.patches) return patch_tokens(rule, patch_count(size));
  if (detail == ImageDetail::low) return rule.base;
  return rule.base + rule.tile * tile_count(size);
}

std::uint64_t most_image_tokens(const ImageRule& rule, ImageDetail detail) {
  if (rule.patches) return patch_tokens(rule, kMostPatches);
  if (detail == ImageDetail::low) return rule.base;
  return rule.base + rule.tile * 8;  // 768 x 2048 is two tiles by four
}

}  // namespace farebox
