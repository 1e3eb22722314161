#include "policy/usage.hpp"

#include <algorithm>

namespace farebox {

std::string_view name_of(Estimate rule) {
  switch (rule) {
    case Estimate::input_octets: return "input_octets";
    case Estimate::input_counted: return "input_counted";
    case Estimate::input_ratio: return "input_ratio";
    case Estimate::output_octets: return "output_octets";
    case Estimate::output_counted: return "output_counted";
    case Estimate::output_ratio: return "output_ratio";
    case Estimate::output_allowance: return "output_allowance";
    case Estimate::held_amount: return "held_amount";
    case Estimate::price_tier: return "price_tier";
    case Estimate::price_class: return "price_class";
    case Estimate::price_size: return "price_size";
    case Estimate::price_place: return "price_place";
    case Estimate::tool_sessions: return "tool_sessions";
    case Estimate::usage_part: return "usage_part";
  }
  return "unknown";
}

void Usage::clamp_parts() {
  cached_input = std::min(cached_input, input);
  cache_write = std::min(cache_write, input - cached_input);
  cache_write_1h = std::min(cache_write_1h, cache_write);
  tool_use_input = std::min(tool_use_input, input);
  audio_input = std::min(audio_input, input);
  image_input = std::min(image_input, input);
  reasoning = std::min(reasoning, output);
  audio_output = std::min(audio_output, output);
  image_output = std::min(image_output, output);
  annotated_pages = std::min(annotated_pages, pages);
}

}  // namespace farebox
