// OpenAI's paths, also as Azure OpenAI, vLLM and the many compatible servers
// spell them: chat completions, completions, embeddings, models, moderations.
// The Responses API has a file of its own.
#include <cmath>
#include <cstring>

#include "tests/mock/octets.hpp"
#include "tests/mock/reply.hpp"
#include "tests/mock/responses_api.hpp"
#include "tests/mock/words.hpp"

namespace farebox::mock {

namespace {

constexpr std::int64_t kCreated = 1'760'000'000;
constexpr std::string_view kDeployments = "/openai/deployments/";

bool is_azure(const Ask& ask) {
  return ask.path.find(kDeployments) != std::string::npos ||
         !ask.request.field("api-key").empty();
}

// Azure names the deployment in the path, everybody else the model in the body.
std::string asked_model(const Ask& ask) {
  const auto at = ask.path.find(kDeployments);
  if (at == std::string::npos) return text_in(ask.body, "model");
  const auto begin = at + kDeployments.size();
  return ask.path.substr(begin, ask.path.find('/', begin) - begin);
}

std::uint64_t choices_asked(const Ask& ask) { return number_in(ask.body, "n").value_or(1); }

Length length_of(const Ask& ask) {
  auto limit = number_in(ask.body, "max_completion_tokens");
  if (!limit) limit = number_in(ask.body, "max_tokens");
  return reply_length(ask.behaviour.output_tokens, limit);
}

Json usage_of(const Ask& ask, std::uint64_t input, std::uint64_t output) {
  return {{"prompt_tokens", input},
          {"completion_tokens", output},
          {"total_tokens", input + output},
          {"prompt_tokens_details",
           {{"cached_tokens", ask.behaviour.cached_tokens}, {"audio_tokens", 0}}},
          {"completion_tokens_details",
           {{"reasoning_tokens", ask.behaviour.reasoning_tokens},
            {"audio_tokens", 0},
            {"accepted_prediction_tokens", 0},
            {"rejected_prediction_tokens", 0}}}};
}

bool wants_usage_chunk(const Ask& ask) {
  if (!ask.behaviour.usage) return false;
  if (ask.behaviour.usage_always) return true;
  const auto options = ask.body.find("stream_options");
  return options != ask.body.end() && true_in(*options, "include_usage");
}

std::string data_line(const std::string& json) { return "data: " + json + "\n\n"; }

// What chat completions and legacy completions have in common.
struct Completion {
  const Ask& ask;
  bool chat;
  std::string model;
  std::uint64_t input;
  Length length;
  std::uint64_t choices;

  std::string finish() const { return length.limited ? "length" : "stop"; }

  Json shell(const char* object_suffix) const {
    return {{"id", (chat ? "chatcmpl-" : "cmpl-") + ask.id},
            {"object", (chat ? std::string("chat.completion") : "text_completion") + object_suffix},
            {"created", kCreated},
            {"model", model}};
  }

  Json whole_choice(std::uint64_t index) const {
    Json choice = {{"index", index}};
    if (chat) {
      choice["message"] = {{"role", "assistant"},
                           {"content", speech(length.words)},
                           {"refusal", nullptr},
                           {"annotations", Json::array()}};
    } else {
      choice["text"] = speech(length.words);
    }
    choice["logprobs"] = nullptr;
    choice["finish_reason"] = finish();
    return choice;
  }

  Json whole() const {
    Json out = shell("");
    out["choices"] = Json::array();
    for (std::uint64_t i = 0; i < choices; ++i) out["choices"].push_back(whole_choice(i));
    if (ask.behaviour.usage) out["usage"] = usage_of(ask, input, length.words * choices);
    out["service_tier"] = "default";
    out["system_fingerprint"] = "fp_mock";
    return out;
  }

  // One streamed chunk; with the usage chunk asked for, all others say null.
  std::string chunk(Json choices_list, const Json& usage) const {
    Json out = shell(chat ? ".chunk" : "");
    out["service_tier"] = "default";
    out["system_fingerprint"] = "fp_mock";
    out["choices"] = std::move(choices_list);
    if (wants_usage_chunk(ask)) out["usage"] = usage;
    return data_line(event_json(ask, out));
  }

  Json delta(std::uint64_t index, const std::string& text, const Json& finish_reason) const {
    Json choice = {{"index", index}};
    if (chat) {
      choice["delta"] = finish_reason.is_null() ? Json{{"content", text}} : Json::object();
    } else {
      choice["text"] = text;
    }
    choice["logprobs"] = nullptr;
    choice["finish_reason"] = finish_reason;
    return Json::array({choice});
  }

  void stream(Reply& reply) const {
    if (is_azure(ask)) {
      reply.add(data_line(event_json(ask, {{"id", ""},
                                           {"object", ""},
                                           {"created", 0},
                                           {"model", ""},
                                           {"choices", Json::array()},
                                           {"prompt_filter_results", Json::array()}})));
    }
    if (chat) {
      Json first = {{"index", 0},
                    {"delta", {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}},
                    {"logprobs", nullptr},
                    {"finish_reason", nullptr}};
      reply.add(chunk(Json::array({first}), nullptr));
    }
    std::uint64_t produced = 0;
    for (std::uint64_t i = 0; i < length.words; ++i) {
      for (std::uint64_t index = 0; index < choices; ++index) {
        reply.add(chunk(delta(index, speech_word(i), nullptr), nullptr), ++produced);
      }
    }
    for (std::uint64_t index = 0; index < choices; ++index) {
      reply.add(chunk(delta(index, "", finish()), nullptr), produced);
    }
    if (wants_usage_chunk(ask)) {
      reply.add(chunk(Json::array(), usage_of(ask, input, produced)), produced);
    }
    reply.add("data: [DONE]\n\n", produced);
  }
};

void complete(const Ask& ask, bool chat, Reply& reply) {
  const std::uint64_t counted = count_prompt(chat ? ask.body.value("messages", Json())
                                                  : ask.body.value("prompt", Json()));
  const Completion completion{ask,
                              chat,
                              served_model(ask, asked_model(ask)),
                              ask.behaviour.input_tokens.value_or(counted),
                              length_of(ask),
                              choices_asked(ask)};
  reply.model = completion.model;
  reply.input_tokens = completion.input;
  if (true_in(ask.body, "stream")) {
    reply.streamed = true;
    reply.content_type = "text/event-stream; charset=utf-8";
    completion.stream(reply);
  } else {
    reply.add(json_text(completion.whole()), completion.length.words * completion.choices);
  }
}

// Mistral's words for 422, OpenAI's for 400.
void refuse_stream_options(int status, Reply& reply) {
  reply.status = status;
  if (status == 422) {
    reply.add(json_text({{"detail",
                          Json::array({{{"type", "extra_forbidden"},
                                        {"loc", Json::array({"body", "stream_options"})},
                                        {"msg", "Extra inputs are not permitted"}}})}}));
  } else {
    reply.add(json_text(
        openai_error(status, "Unrecognized request argument supplied: stream_options")));
  }
}

std::string base64_vector(const std::vector<float>& vector) {
  std::string octets(vector.size() * sizeof(float), '\0');
  std::memcpy(octets.data(), vector.data(), octets.size());
  return base64(octets);
}

void embed(const Ask& ask, Reply& reply) {
  const Json input = ask.body.value("input", Json());
  const bool token_array = input.is_array() && !input.empty() && input[0].is_number();
  const Json inputs = input.is_array() && !token_array ? input : Json::array({input});
  const std::uint64_t size = number_in(ask.body, "dimensions").value_or(8);

  Json data = Json::array();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::vector<float> vector;
    const std::uint64_t seed = count_prompt(inputs[i]);
    for (std::uint64_t k = 0; k < size; ++k) {
      vector.push_back(static_cast<float>(std::sin(static_cast<double>(seed * 31 + k))));
    }
    Json one = {{"object", "embedding"}, {"index", i}};
    if (text_in(ask.body, "encoding_format") == "base64") {
      one["embedding"] = base64_vector(vector);
    } else {
      one["embedding"] = vector;
    }
    data.push_back(std::move(one));
  }
  reply.model = served_model(ask, asked_model(ask));
  reply.input_tokens = ask.behaviour.input_tokens.value_or(count_prompt(input));
  Json out = {{"object", "list"}, {"data", std::move(data)}, {"model", reply.model}};
  if (ask.behaviour.usage) {
    out["usage"] = {{"prompt_tokens", reply.input_tokens}, {"total_tokens", reply.input_tokens}};
  }
  reply.add(json_text(out));
}

void moderate(const Ask& ask, Reply& reply) {
  const Json result = {{"flagged", false},
                       {"categories", {{"violence", false}, {"hate", false}}},
                       {"category_scores", {{"violence", 0.0001}, {"hate", 0.0001}}}};
  reply.add(json_text({{"id", "modr-" + ask.id},
                       {"model", served_model(ask, asked_model(ask))},
                       {"results", Json::array({result})}}));
}

Json model_card(std::string_view name) {
  return {{"id", name}, {"object", "model"}, {"created", kCreated}, {"owned_by", "farebox-mock"}};
}

void list_models(Reply& reply) {
  reply.add(json_text({{"object", "list"},
                       {"data", Json::array({model_card("gpt-4.1"), model_card("gpt-4.1-mini"),
                                             model_card("text-embedding-3-small")})}}));
}

}  // namespace

Json openai_error(int status, std::string_view message) {
  const char* type = "invalid_request_error";
  if (status == 401) type = "authentication_error";
  if (status == 429) type = "rate_limit_error";
  if (status >= 500) type = "server_error";
  return {{"error",
           {{"message", message}, {"type", type}, {"param", nullptr}, {"code", nullptr}}}};
}

bool openai_reply(const Ask& ask, Reply& reply) {
  if (is_azure(ask)) {
    reply.fields.push_back({"x-ms-region", "Mockland"});
    reply.fields.push_back({"apim-request-id", ask.id});
    reply.fields.push_back({"x-ms-deployment-name", asked_model(ask)});
  }
  if (ask.behaviour.refuse_stream_options != 0 && ask.body.contains("stream_options")) {
    refuse_stream_options(ask.behaviour.refuse_stream_options, reply);
  } else if (ends_with(ask.path, "/chat/completions")) {
    complete(ask, true, reply);
  } else if (ends_with(ask.path, "/completions")) {
    complete(ask, false, reply);
  } else if (ends_with(ask.path, "/embeddings")) {
    embed(ask, reply);
  } else if (ends_with(ask.path, "/moderations")) {
    moderate(ask, reply);
  } else if (ends_with(ask.path, "/models")) {
    list_models(reply);
  } else if (const auto at = ask.path.find("/v1/models/"); at != std::string::npos) {
    reply.add(json_text(model_card(std::string_view(ask.path).substr(at + 11))));
  } else {
    return responses_reply(ask, reply);
  }
  return true;
}

}  // namespace farebox::mock
