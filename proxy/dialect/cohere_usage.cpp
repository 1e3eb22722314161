#include "proxy/dialect/cohere_usage.hpp"

#include <string_view>

namespace farebox {
namespace {

// A billed number that can't be read makes the whole unusable: unknown is never zero.
void take(JsonCursor& cursor, std::optional<std::uint64_t>& into, bool& unusable) {
  const bool said = cursor.kind() != JsonCursor::Kind::null;
  into = cursor.count();
  if (said && !into) unusable = true;
}

}  // namespace

CohereUsage CohereUsage::read(JsonCursor& cursor) {
  CohereUsage usage;
  cursor.each_member([&](std::string_view key) {
    if (key == "billed_units") {
      cursor.each_member([&](std::string_view unit) {
        if (unit == "input_tokens") take(cursor, usage.billed_input, usage.unusable);
        else if (unit == "output_tokens") take(cursor, usage.billed_output, usage.unusable);
        else if (unit == "image_tokens") take(cursor, usage.billed_images_tokens, usage.unusable);
        else if (unit == "images") take(cursor, usage.images, usage.unusable);
        else if (unit == "search_units") take(cursor, usage.searches, usage.unusable);
        else if (unit == "classifications") take(cursor, usage.classifications, usage.unusable);
      });
    } else if (key == "tokens") {
      cursor.each_member([&](std::string_view part) {
        if (part == "input_tokens") usage.input = cursor.count(usage.part_unusable);
        else if (part == "output_tokens") usage.output = cursor.count(usage.part_unusable);
        else if (part == "reasoning_tokens") usage.reasoning = cursor.count(usage.part_unusable);
        else if (part == "image_tokens") usage.image_input = cursor.count(usage.part_unusable);
      });
    } else if (key == "cached_tokens") {
      usage.cached = cursor.count(usage.part_unusable);
    }
  });
  return usage;
}

void CohereUsage::put_into(Usage& usage) const {
  const bool billed_tokens = billed_input || billed_output || billed_images_tokens;
  const bool billed_other = searches || classifications || images;
  if (billed_tokens) {
    // embed: the tokens of images are billed beside those of texts.
    usage.input = billed_input.value_or(0) + billed_images_tokens.value_or(0);
    usage.output = billed_output.value_or(0);
  } else if (!billed_other) {
    usage.input = input.value_or(0);
    usage.output = output.value_or(0);
  }
  usage.image_input = billed_images_tokens.value_or(image_input.value_or(0));
  usage.cached_input = cached.value_or(0);
  usage.reasoning = reasoning.value_or(0);
  usage.images = images.value_or(0);
  usage.queries = searches.value_or(classifications.value_or(0));
  usage.unusable_part = part_unusable;
  usage.source = UsageSource::reported;
}

}  // namespace farebox
