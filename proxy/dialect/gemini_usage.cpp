#include "proxy/dialect/gemini_usage.hpp"

namespace farebox {
namespace {

// Never wraps, however many there are.
void add(Tokens& sum, Tokens more) {
  if (__builtin_add_overflow(sum, more, &sum)) sum = ~Tokens{0};
}

// Adds the counts of AUDIO and IMAGE in a list of {modality, tokenCount}. The modality may
// be a number (`$alt=json;enum-encoding=int`): IMAGE is 2, AUDIO is 4.
void add_modalities(JsonCursor& cursor, Tokens& audio, Tokens& image, bool& unusable) {
  audio = image = 0;
  cursor.each_element([&] {
    bool is_audio = false, is_image = false;
    Tokens tokens = 0;
    cursor.each_member([&](std::string_view key) {
      if (key == "modality") {
        if (cursor.kind() == JsonCursor::Kind::number) {
          const auto number = cursor.count();
          is_image = number == 2u;
          is_audio = number == 4u;
        } else if (const auto name = cursor.string()) {
          is_audio = name->raw == "AUDIO" || name->raw == "audio";
          is_image = name->raw == "IMAGE" || name->raw == "image";
        }
      } else if (key == "tokenCount" || key == "tokens") {
        tokens = cursor.count(unusable).value_or(0);
      }
    });
    if (is_audio) add(audio, tokens);
    if (is_image) add(image, tokens);
  });
}

}  // namespace

std::optional<Tokens> GeminiUsage::take(JsonCursor& cursor) {
  const bool said = cursor.kind() != JsonCursor::Kind::null;
  const std::optional<Tokens> count = cursor.count();
  if (said && !count) unusable = true;
  return count;
}

GeminiUsage GeminiUsage::read(JsonCursor& cursor) {
  GeminiUsage usage;
  std::string traffic;
  cursor.each_member([&](std::string_view key) {
    if (key == "promptTokenCount") {
      usage.prompt = usage.take(cursor);
    } else if (key == "candidatesTokenCount" || key == "responseTokenCount") {
      usage.candidates = usage.take(cursor);
    } else if (key == "thoughtsTokenCount") {
      usage.thoughts = usage.take(cursor);
    } else if (key == "toolUsePromptTokenCount") {
      usage.tool_use = usage.take(cursor);
    } else if (key == "cachedContentTokenCount") {
      usage.cached = cursor.count(usage.part_unusable);
    } else if (key == "totalTokenCount") {
      usage.total = cursor.count();
    } else if (key == "promptTokensDetails" || key == "promptTokenDetails") {
      add_modalities(cursor, usage.audio_input, usage.image_input, usage.part_unusable);
    } else if (key == "candidatesTokensDetails" || key == "responseTokensDetails") {
      add_modalities(cursor, usage.audio_output, usage.image_output, usage.part_unusable);
    } else if (key == "serviceTier") {
      if (const auto tier = cursor.string()) usage.service_tier = tier->decoded();
    } else if (key == "trafficType") {
      if (cursor.kind() == JsonCursor::Kind::number) {
        traffic = cursor.number().value_or("");
      } else if (const auto type = cursor.string()) {
        traffic = type->decoded();
      }
    }
  });
  if (usage.service_tier.empty()) usage.service_tier = traffic;
  return usage;
}

GeminiUsage GeminiUsage::read_interaction(JsonCursor& cursor) {
  GeminiUsage usage;
  cursor.each_member([&](std::string_view key) {
    if (key == "total_input_tokens") {
      usage.prompt = usage.take(cursor);
    } else if (key == "total_output_tokens") {
      usage.candidates = usage.take(cursor);
    } else if (key == "total_thought_tokens") {
      usage.thoughts = usage.take(cursor);
    } else if (key == "total_tool_use_tokens") {
      usage.tool_use = usage.take(cursor);
    } else if (key == "total_cached_tokens") {
      usage.cached = cursor.count(usage.part_unusable);
    } else if (key == "total_tokens") {
      usage.total = cursor.count();
    } else if (key == "input_tokens_by_modality") {
      add_modalities(cursor, usage.audio_input, usage.image_input, usage.part_unusable);
    } else if (key == "output_tokens_by_modality") {
      add_modalities(cursor, usage.audio_output, usage.image_output, usage.part_unusable);
    }
  });
  return usage;
}

// Billed input is prompt and tool use, billed output is candidates and thoughts.
void GeminiUsage::put_into(Usage& usage) const {
  usage.input = prompt.value_or(0) + tool_use.value_or(0);
  usage.output = candidates.value_or(0) + thoughts.value_or(0);
  // Output that only the total knows of is output all the same.
  if (!candidates && total.value_or(0) > usage.input + usage.output) {
    usage.output = *total - usage.input;
  }
  usage.cached_input = cached.value_or(0);
  usage.tool_use_input = tool_use.value_or(0);
  usage.reasoning = thoughts.value_or(0);
  usage.audio_input = audio_input;
  usage.image_input = image_input;
  usage.audio_output = audio_output;
  usage.image_output = image_output;
  if (!service_tier.empty()) usage.service_tier = service_tier;
  usage.unusable_part = part_unusable;
  usage.source = UsageSource::reported;
}

}  // namespace farebox
