#include "proxy/dialect/openai_usage.hpp"

#include <charconv>
#include <cmath>

namespace farebox {
namespace {

void read_input_details(JsonCursor& cursor, OpenAiUsage& usage) {
  cursor.each_member([&](std::string_view key) {
    if (key == "cached_tokens") usage.cached = cursor.count();
    else if (key == "cache_write_tokens") usage.cache_write = cursor.count();
    else if (key == "audio_tokens") usage.audio_input = cursor.count();
    else if (key == "image_tokens") usage.image_input = cursor.count();
  });
}

void read_output_details(JsonCursor& cursor, OpenAiUsage& usage) {
  cursor.each_member([&](std::string_view key) {
    if (key == "reasoning_tokens") usage.reasoning = cursor.count();
    else if (key == "audio_tokens") usage.audio_output = cursor.count();
    else if (key == "image_tokens") usage.image_output = cursor.count();
  });
}

}  // namespace

std::optional<std::uint64_t> microseconds_of(std::string_view seconds) {
  double value = 0;
  const char* last = seconds.data() + seconds.size();
  const auto parsed = std::from_chars(seconds.data(), last, value);
  if (parsed.ec != std::errc() || parsed.ptr != last) return std::nullopt;
  const double micros = std::round(value * 1e6);
  if (!(micros >= 0) || micros > 9007199254740992.0) return std::nullopt;
  return static_cast<std::uint64_t>(micros);
}

OpenAiUsage OpenAiUsage::read(JsonCursor& cursor) {
  OpenAiUsage usage;
  // At the top level: Together and Moonshot, DeepSeek, Mistral; the details go before them.
  std::optional<Tokens> cached;
  cursor.each_member([&](std::string_view key) {
    if (key == "prompt_tokens" || key == "input_tokens") {
      usage.input = cursor.count();
    } else if (key == "completion_tokens" || key == "output_tokens") {
      usage.output = cursor.count();
    } else if (key == "total_tokens") {
      usage.total = cursor.count();
    } else if (key == "prompt_tokens_details" || key == "input_tokens_details" ||
               key == "input_token_details") {
      read_input_details(cursor, usage);
    } else if (key == "completion_tokens_details" || key == "output_tokens_details" ||
               key == "output_token_details") {
      read_output_details(cursor, usage);
    } else if (key == "seconds") {
      if (const auto seconds = cursor.number()) usage.microseconds = microseconds_of(*seconds);
    } else if (key == "cached_tokens" || key == "prompt_cache_hit_tokens" ||
               key == "num_cached_tokens") {
      cached = cursor.count();
    } else if (key == "service_tier") {
      if (const auto tier = cursor.string()) usage.service_tier = tier->decoded();
    }
  });
  if (!usage.cached) usage.cached = cached;
  return usage;
}

bool OpenAiUsage::put_into(Usage& usage, Reckoning reckoning) const {
  std::optional<Tokens> in = input;
  std::optional<Tokens> out = output;
  // What one side doesn't say follows from the total.
  if (!reckoning.has_output) {
    if (!in) in = total;
    if (!out) out = 0;
  }
  if (in && !out && total && *total >= *in) out = *total - *in;
  if (out && !in && total && *total >= *out) in = *total - *out;
  if (in && out && total && *total > *in + *out) {
    // xAI's completion_tokens leaves the reasoning out, Gemini's all of the thinking.
    const Tokens hidden = *total - *in - *out;
    if (reckoning.total_has_hidden_output || reasoning == hidden) *out += hidden;
  }
  if (usage.service_tier.empty()) usage.service_tier = service_tier;
  usage.microseconds = microseconds.value_or(0);

  // One side alone is not an answer: unknown is never zero.
  if (!in || !out) return false;
  usage.input = *in;
  usage.output = *out;
  usage.cached_input = cached.value_or(0);
  usage.cache_write = cache_write.value_or(0);
  usage.audio_input = audio_input.value_or(0);
  usage.image_input = image_input.value_or(0);
  usage.reasoning = reasoning.value_or(0);
  usage.audio_output = audio_output.value_or(0);
  usage.image_output = image_output.value_or(0);
  return true;
}

}  // namespace farebox
