// MaxOutput: lowers what a request says its answer may cost at most, so that a budget that
// can't pay the whole can pay a part (design 8, `clamp`).
//
// Only the digits change, or one member comes in; every other octet stays. Never raises what
// the body says. It answers "can't" rather than send what the API would refuse, or ignore.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "proxy/dialect/dialect.hpp"

namespace farebox {

struct LoweredBody {
  // The new body; the same octets where the maximum was low enough. Offsets of facts read from
  // the old one (splice_at) don't hold in it: read them again.
  std::optional<std::string> body;
  std::string_view why;  // without a body: why not, a clause for people
};

// `model` as the provider is asked for it: it decides the spelling where the body has none.
//
//   chat completions  both spellings, where the body has them. Where it has none, OpenAI's models
//                     since o1 get max_completion_tokens, since they refuse max_tokens, as do
//                     Azure's deployments of an unknown model; everything else gets max_tokens,
//                     which OpenAI's older models take too
//   completions       max_tokens; OpenAI's own models make 16 where nothing is said
//   responses         max_output_tokens, at least 16
//   Anthropic         max_tokens, max_tokens_to_sample (legacy). A budget for thinking has to be
//                     below it and at least 1024: it is lowered in proportion
//   Gemini            generationConfig.maxOutputTokens; interactions in snake_case
//   Mistral, Cohere   max_tokens; conversations completion_args.max_tokens
//   Ollama            options.num_predict
//   Bedrock           inferenceConfig.maxTokens; invoke by the model's family
//   watsonx, TGI      parameters.max_new_tokens; llama.cpp n_predict
//
// Where a key is there already, in any of these spellings that the endpoint obeys, none comes
// in. `most` is in tokens and for one choice.
LoweredBody lower_max_output(const Route& route, DialectName dialect, std::string_view model,
                             std::string_view body, std::uint64_t most);

}  // namespace farebox
