#include "proxy/dialect/complete_usage.hpp"

namespace farebox {
namespace {

// "1024x1024" or "1024*1024" (Alibaba).
bool is_size(std::string_view text) {
  const std::size_t times = text.find_first_of("xX*");
  if (times == text.npos || times == 0 || times + 1 == text.size() || text.size() > 11) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i != times && (text[i] < '0' || text[i] > '9')) return false;
  }
  return true;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

// What an image API takes when the request doesn't say (openai-openapi, CreateImageRequest:
// `size`, `quality`).
void complete_image(Usage& usage, const BodyFacts& facts, std::string_view model) {
  if (!usage.variant.empty()) return;
  if (contains(model, "dall-e-3")) {
    usage.variant = image_variant(facts.quality == "hd" ? "hd" : "standard",
                                  facts.size.empty() ? "1024x1024" : facts.size);
  } else if (contains(model, "dall-e-2") || model.empty()) {
    // The model of image calls that name none; it has one quality.
    usage.variant = image_variant({}, facts.size.empty() ? "1024x1024" : facts.size);
  } else {
    usage.variant = image_variant(facts.quality, facts.size);
  }
}

}  // namespace

std::string image_variant(std::string_view quality, std::string_view size) {
  if (!is_size(size)) return {};
  std::string variant;
  if (!quality.empty() && quality != "auto" && quality.size() <= 16) {
    variant.append(quality).push_back('/');
  }
  const std::size_t times = size.find_first_of("xX*");
  variant.append(size.substr(0, times)).append("-x-").append(size.substr(times + 1));
  return variant;
}

void complete_usage(Usage& usage, const Route& route, const BodyFacts& facts,
                    std::string_view model) {
  const bool makes_images =
      route.endpoint == Endpoint::images || route.endpoint == Endpoint::predict;
  if (makes_images && usage.images > 0) complete_image(usage, facts, model);
  if (route.endpoint == Endpoint::speech && usage.input == 0 && usage.output == 0) {
    usage.characters = facts.characters;
  }
  // An annotation is made of every page that was read.
  if (facts.annotates && usage.annotated_pages == 0) usage.annotated_pages = usage.pages;
  if (usage.search_context.empty()) usage.search_context = facts.search_context;
  // Not the tier: what was asked for may not be what was given, and only the reply's word
  // sets the price (wire-formats, rule 7).
}

}  // namespace farebox
