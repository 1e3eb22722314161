#include "policy/usage.hpp"

#include <algorithm>

namespace farebox {

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
}

}  // namespace farebox
