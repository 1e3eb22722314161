#include "proxy/dialect/max_spelling.hpp"

#include <algorithm>

namespace farebox {
namespace {

constexpr std::string_view kNoMaximum = "this endpoint has no maximum of tokens to lower";

MaxSpelling none(std::string_view why) {
  MaxSpelling spelling;
  spelling.why = why;
  return spelling;
}

MaxSpelling top(std::string_view key, std::string_view other = {}) {
  MaxSpelling spelling;
  spelling.keys = {key, other};
  return spelling;
}

MaxSpelling inside(MaxHome home, std::string_view home_key, std::string_view key,
                   std::string_view other = {}) {
  MaxSpelling spelling = top(key, other);
  spelling.home = home;
  spelling.home_key = home_key;
  return spelling;
}

// "openai/gpt-5" of a gateway, "ft:gpt-4o-mini:..." of a fine-tuned model.
std::string_view own_name(std::string_view model) {
  if (const std::size_t slash = model.rfind('/'); slash != model.npos) {
    model.remove_prefix(slash + 1);
  }
  if (model.starts_with("ft:")) model.remove_prefix(3);
  return model;
}

bool begins_with_one_of(std::string_view model, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return model.starts_with(name); });
}

// Models of OpenAI that refuse max_tokens: the o series and everything since GPT-5
// (openai-openapi: "not compatible with o-series models"). gpt-oss is served by others.
bool refuses_max_tokens(std::string_view model) {
  const std::string_view name = own_name(model);
  if (begins_with_one_of(name, {"gpt-3", "gpt-4", "gpt-oss", "gpt-j", "gpt-neo"})) return false;
  if (begins_with_one_of(name, {"gpt-", "chatgpt-", "codex-", "computer-use-"})) return true;
  return name.size() > 1 && name[0] == 'o' && name[1] >= '1' && name[1] <= '9';
}

// A name that tells which vendor's model it is; deployments of Azure are called anything.
bool is_known_to_take_max_tokens(std::string_view model) {
  return begins_with_one_of(own_name(model), {"gpt-3", "gpt-4", "gpt-oss", "DeepSeek", "deepseek",
                                              "grok", "Llama", "Mistral", "mistral", "Cohere",
                                              "cohere", "Phi", "Meta", "Ministral", "Codestral"});
}

MaxSpelling of_chat(DialectName dialect, std::string_view model) {
  const bool newer = dialect == DialectName::azure
                         ? refuses_max_tokens(model) || !is_known_to_take_max_tokens(model)
                         : refuses_max_tokens(model);
  return newer ? top("max_completion_tokens", "max_tokens")
               : top("max_tokens", "max_completion_tokens");
}

// OpenAI's own text completions stop after 16 tokens by default (openai-openapi:
// CreateCompletionRequest); those of other servers, which Ollama and llama.cpp are, don't.
MaxSpelling of_completions(std::string_view model) {
  MaxSpelling spelling = top("max_tokens");
  if (begins_with_one_of(own_name(model), {"gpt-3.5-turbo-instruct", "davinci-", "babbage-"})) {
    spelling.unsaid = 16;
  }
  return spelling;
}

MaxSpelling of_responses() {
  MaxSpelling spelling = top("max_output_tokens");
  spelling.least = 16;  // openai-openapi: CreateResponse
  return spelling;
}

// InvokeModel by the family that the model's name has in it (Amazon Bedrock: inference request
// parameters), with what each makes where nothing is said.
struct Family {
  std::string_view name;
  MaxHome home;
  std::string_view home_key;
  std::string_view key, other;
  std::uint64_t unsaid = MaxSpelling::kNoDefault;
};
constexpr Family kFamilies[] = {
    {"amazon.nova", MaxHome::inference_config, "inferenceConfig", "maxTokens", "max_new_tokens"},
    {"amazon.titan", MaxHome::text_generation_config, "textGenerationConfig", "maxTokenCount", "",
     512},
    {"meta.llama", MaxHome::top, "", "max_gen_len", "", 512},
    {"ai21.j2", MaxHome::top, "", "maxTokens", "", 16},
    {"openai.", MaxHome::top, "", "max_completion_tokens", "max_tokens"},
    {"mistral.", MaxHome::top, "", "max_tokens", ""},
    {"cohere.", MaxHome::top, "", "max_tokens", ""},
    {"ai21.jamba", MaxHome::top, "", "max_tokens", ""},
    {"deepseek.", MaxHome::top, "", "max_tokens", ""},
    {"qwen.", MaxHome::top, "", "max_tokens", ""},
    {"writer.", MaxHome::top, "", "max_tokens", ""},
};

MaxSpelling of_invoke(std::string_view model, const BodyMarks& has) {
  const auto is = [&](std::string_view word) { return model.find(word) != model.npos; };
  if (is("embed") || is("canvas") || is("reel") || is("image") || is("stability.") ||
      is("rerank")) {
    return none(kNoMaximum);
  }
  if (is("anthropic.")) return has.prompt ? top("max_tokens_to_sample") : top("max_tokens");
  for (const Family& family : kFamilies) {
    if (!is(family.name)) continue;
    MaxSpelling spelling = inside(family.home, family.home_key, family.key, family.other);
    spelling.unsaid = family.unsaid;
    return spelling;
  }
  // An inference profile or a model that we don't know.
  MaxSpelling spelling = top("max_tokens", "max_completion_tokens");
  spelling.put_in = false;
  spelling.why = "the name of the model doesn't tell how it wants its maximum to be said";
  return spelling;
}

MaxSpelling of_generate(const Route& route, DialectName dialect, const BodyMarks& has) {
  const DialectName speaks = route.speaks.value_or(dialect);
  if (speaks == DialectName::ollama) return inside(MaxHome::options, "options", "num_predict");
  if (speaks == DialectName::cohere) return top("max_tokens");
  if (has.prompt) return top("n_predict", "max_tokens");  // llama.cpp
  return inside(MaxHome::parameters, "parameters", "max_new_tokens");
}

}  // namespace

MaxSpelling max_spelling(const Route& route, DialectName dialect, std::string_view model,
                         const BodyMarks& has) {
  if (!route.takes_maximum) return none(kNoMaximum);
  if (route.described) return none("the description of this API doesn't tell how it is lowered");
  switch (route.endpoint) {
    case Endpoint::chat_completions: return of_chat(dialect, model);
    case Endpoint::completions: return of_completions(model);
    case Endpoint::responses: return of_responses();
    case Endpoint::messages: return top("max_tokens");
    case Endpoint::complete: return top("max_tokens_to_sample");
    case Endpoint::generate_content:
      // The Gemini CLI's server wraps the request into another one.
      if (!has.contents) return none("the body has no contents at its top level");
      return inside(MaxHome::generation_config, "generationConfig", "maxOutputTokens",
                    "max_output_tokens");
    case Endpoint::interactions: {
      MaxSpelling spelling = inside(MaxHome::generation_config, "generation_config",
                                    "max_output_tokens", "maxOutputTokens");
      spelling.put_in = !has.agent;
      spelling.why = "an agent's answers have no maximum of tokens";
      return spelling;
    }
    case Endpoint::chat:
      return route.speaks.value_or(dialect) == DialectName::ollama
                 ? inside(MaxHome::options, "options", "num_predict")
                 : top("max_tokens");
    case Endpoint::generate: return of_generate(route, dialect, has);
    case Endpoint::conversations: {
      MaxSpelling spelling = inside(MaxHome::completion_args, "completion_args", "max_tokens");
      spelling.put_in = !has.agent;
      spelling.why = "an agent brings its own completion_args";
      return spelling;
    }
    case Endpoint::converse: return inside(MaxHome::inference_config, "inferenceConfig", "maxTokens");
    case Endpoint::invoke: return of_invoke(model, has);
    default: return none(kNoMaximum);
  }
}

}  // namespace farebox
