#include "policy/token_split.hpp"

#include <algorithm>

namespace farebox {

namespace {

// What is left of `whole` after taking up to `part` off it; returns what was taken.
Tokens take(Tokens& whole, Tokens part) {
  const Tokens taken = std::min(whole, part);
  whole -= taken;
  return taken;
}

}  // namespace

TokenUse counts_of(const Usage& usage) {
  return {usage.input,        usage.output,      usage.cached_input, usage.cache_write,
          usage.cache_write_1h, usage.audio_input, usage.image_input,  usage.reasoning,
          usage.audio_output, usage.image_output, usage.citation};
}

TokenUse counts_of(const UsageExtra& extra) {
  TokenUse counts;
  counts.input = extra.input;
  counts.output = extra.output;
  counts.cached_input = extra.cached_input;
  counts.cache_write = extra.cache_write;
  counts.cache_write_1h = extra.cache_write_1h;
  return counts;
}

TokenSplit split(const TokenUse& counts) {
  TokenSplit of{};
  const auto set = [&](TokenClass name, Tokens tokens) {
    of[static_cast<std::size_t>(name)] = tokens;
  };

  Tokens fresh = counts.input;
  Tokens cached = take(fresh, counts.cached_input);
  Tokens written = take(fresh, counts.cache_write);
  const Tokens written_1h = take(written, counts.cache_write_1h);
  const Tokens fresh_audio = take(fresh, counts.audio_input);
  Tokens more_audio = counts.audio_input - fresh_audio;
  const Tokens cached_audio = take(cached, more_audio);
  more_audio -= cached_audio;
  const Tokens written_audio = take(written, more_audio);
  set(TokenClass::image_input, take(fresh, counts.image_input));
  set(TokenClass::audio_input, fresh_audio);
  set(TokenClass::audio_cache_read, cached_audio);
  set(TokenClass::audio_cache_write, written_audio);
  set(TokenClass::cache_read, cached);
  set(TokenClass::cache_write_5m, written);
  set(TokenClass::cache_write_1h, written_1h);
  set(TokenClass::input, fresh);

  Tokens text = counts.output;
  set(TokenClass::reasoning, take(text, counts.reasoning));
  set(TokenClass::audio_output, take(text, counts.audio_output));
  set(TokenClass::image_output, take(text, counts.image_output));
  set(TokenClass::output, text);
  set(TokenClass::citation, counts.citation);
  return of;
}

}  // namespace farebox
