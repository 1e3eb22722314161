// Google's paths: generateContent, its two kinds of stream (server-sent events
// with CRLF, and one JSON array sent piece by piece), embeddings, counting.
#include <algorithm>

#include "tests/mock/reply.hpp"
#include "tests/mock/words.hpp"

namespace farebox::mock {

namespace {

// ".../models/gemini-2.5-flash:generateContent" -> "gemini-2.5-flash"
std::string model_of(std::string_view path) {
  const auto slash = path.rfind('/');
  const auto name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  return std::string(name.substr(0, name.find(':')));
}

std::uint64_t input_tokens(const Ask& ask) {
  const std::uint64_t counted = count_prompt(ask.body.value("contents", Json())) +
                                count_prompt(ask.body.value("systemInstruction", Json()));
  return ask.behaviour.input_tokens.value_or(counted);
}

// Thinking is not part of candidatesTokenCount; the behaviour's output is the
// whole, as everywhere, so it is taken off.
Json usage_of(const Ask& ask, std::uint64_t input, std::uint64_t output) {
  const std::uint64_t thoughts = std::min(ask.behaviour.reasoning_tokens, output);
  Json usage = {{"promptTokenCount", input},
                {"candidatesTokenCount", output - thoughts},
                {"totalTokenCount", input + output},
                {"promptTokensDetails",
                 Json::array({{{"modality", "TEXT"}, {"tokenCount", input}}})}};
  if (thoughts > 0) usage["thoughtsTokenCount"] = thoughts;
  if (ask.behaviour.cached_tokens > 0) {
    usage["cachedContentTokenCount"] = ask.behaviour.cached_tokens;
  }
  return usage;
}

Json generated(const Ask& ask, const std::string& text, const char* finish,
               std::uint64_t output, const Reply& reply) {
  Json candidate = {
      {"content", {{"parts", Json::array({{{"text", text}}})}, {"role", "model"}}}};
  if (finish != nullptr) candidate["finishReason"] = finish;
  candidate["index"] = 0;
  Json out = {{"candidates", Json::array({candidate})}};
  if (ask.behaviour.usage) out["usageMetadata"] = usage_of(ask, reply.input_tokens, output);
  out["modelVersion"] = reply.model;
  out["responseId"] = ask.id;
  return out;
}

void stream(const Ask& ask, const Length& length, const char* finish, Reply& reply) {
  const bool sse = ask.request.query().find("alt=sse") != std::string_view::npos;
  reply.streamed = true;
  reply.content_type = sse ? "text/event-stream" : "application/json; charset=UTF-8";
  for (std::uint64_t i = 0; i < length.words; ++i) {
    const bool last = i + 1 == length.words;
    const std::string object = event_json(
        ask, generated(ask, speech_word(i), last ? finish : nullptr, i + 1, reply));
    if (sse) {
      reply.add("data: " + object + "\r\n\r\n", i + 1);
    } else {
      reply.add((i == 0 ? "[" : ",\r\n") + object, i + 1);
    }
  }
  if (!sse) reply.add(length.words == 0 ? "[]" : "]", length.words);
}

void generate(const Ask& ask, bool streamed, Reply& reply) {
  const Json config = ask.body.value("generationConfig", Json::object());
  const Length length =
      reply_length(ask.behaviour.output_tokens, number_in(config, "maxOutputTokens"));
  const char* finish = length.limited ? "MAX_TOKENS" : "STOP";
  reply.input_tokens = input_tokens(ask);
  if (streamed) {
    stream(ask, length, finish, reply);
  } else {
    reply.add(json_text(generated(ask, speech(length.words), finish, length.words, reply)),
              length.words);
  }
}

Json embedding_of(const Json& content) {
  const auto seed = static_cast<double>(count_prompt(content));
  return {{"values", Json::array({seed / 8, seed / 16, seed / 32, seed / 64})}};
}

void embed(const Ask& ask, Reply& reply) {
  const Json content = ask.body.value("content", Json());
  reply.input_tokens = ask.behaviour.input_tokens.value_or(count_prompt(content));
  Json out = {{"embedding", embedding_of(content)}};
  if (ask.behaviour.usage) {
    out["usageMetadata"] = {{"promptTokenCount", reply.input_tokens}};
  }
  reply.add(json_text(out));
}

void embed_many(const Ask& ask, Reply& reply) {
  Json list = Json::array();
  for (const Json& one : ask.body.value("requests", Json::array())) {
    const Json content = one.value("content", Json());
    reply.input_tokens += count_prompt(content);
    list.push_back(embedding_of(content));
  }
  Json out = {{"embeddings", list}};
  if (ask.behaviour.usage) {
    out["usageMetadata"] = {{"promptTokenCount", reply.input_tokens}};
  }
  reply.add(json_text(out));
}

}  // namespace

Json gemini_error(int status, std::string_view message) {
  const char* name = "INTERNAL";
  if (status == 400) name = "INVALID_ARGUMENT";
  if (status == 401) name = "UNAUTHENTICATED";
  if (status == 403) name = "PERMISSION_DENIED";
  if (status == 404) name = "NOT_FOUND";
  if (status == 429) name = "RESOURCE_EXHAUSTED";
  if (status == 503) name = "UNAVAILABLE";
  if (status == 504) name = "DEADLINE_EXCEEDED";
  return {{"error", {{"code", status}, {"message", message}, {"status", name}}}};
}

bool gemini_reply(const Ask& ask, Reply& reply) {
  reply.model = served_model(ask, model_of(ask.path));
  if (ends_with(ask.path, ":generateContent")) {
    generate(ask, false, reply);
  } else if (ends_with(ask.path, ":streamGenerateContent")) {
    generate(ask, true, reply);
  } else if (ends_with(ask.path, ":embedContent")) {
    embed(ask, reply);
  } else if (ends_with(ask.path, ":batchEmbedContents")) {
    embed_many(ask, reply);
  } else if (ends_with(ask.path, ":countTokens")) {
    reply.add(json_text({{"totalTokens", input_tokens(ask)}}));
  } else if (ends_with(ask.path, "/models")) {
    const Json card = {{"name", "models/gemini-2.5-flash"}, {"version", "001"}};
    reply.add(json_text({{"models", Json::array({card})}}));
  } else {
    return false;
  }
  return true;
}

}  // namespace farebox::mock
