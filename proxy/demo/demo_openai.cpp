// OpenAI (openai-openapi: chat completions, completions, responses, embeddings, models) as
// the pretend provider speaks it. Other providers' dialects are this one with quirks.
#include <openssl/evp.h>

#include <cmath>

#include "proxy/demo/demo_reply.hpp"

namespace farebox {
namespace {

constexpr std::uint64_t kDimensions = 1536;  // of text-embedding-3-small

constexpr std::string_view kModels =
    R"({"object":"list","data":[)"
    R"({"id":"gpt-4o-mini","object":"model","created":$created,"owned_by":"farebox-demo"},)"
    R"({"id":"gpt-4.1-mini","object":"model","created":$created,"owned_by":"farebox-demo"},)"
    R"({"id":"text-embedding-3-small","object":"model","created":$created,"owned_by":"farebox-demo"}]})";

constexpr std::string_view kUsage =
    R"({"prompt_tokens":$input,"completion_tokens":$output,"total_tokens":$total,)"
    R"("prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}})";

constexpr std::string_view kChat =
    R"({"id":"chatcmpl-demo$id","object":"chat.completion","created":$created,"model":$model,)"
    R"("choices":[{"index":0,"message":{"role":"assistant","content":$text,"refusal":null},)"
    R"("logprobs":null,"finish_reason":$finish}],"usage":$usage})";
constexpr std::string_view kChatChunk =
    R"(data: {"id":"chatcmpl-demo$id","object":"chat.completion.chunk","created":$created,)"
    R"("model":$model,"choices":$choices,"usage":$usage})"
    "\n\n";

constexpr std::string_view kCompletion =
    R"({"id":"cmpl-demo$id","object":"text_completion","created":$created,"model":$model,)"
    R"("choices":$choices,"usage":$usage})";

constexpr std::string_view kResponse =
    R"({"id":"resp_demo$id","object":"response","created_at":$created,"status":$status,"model":$model,)"
    R"("error":null,"incomplete_details":$details,"output":$items,"parallel_tool_calls":true,)"
    R"("tools":[],"usage":$usage})";
constexpr std::string_view kResponseUsage =
    R"({"input_tokens":$input,"input_tokens_details":{"cached_tokens":0},"output_tokens":$output,)"
    R"("output_tokens_details":{"reasoning_tokens":0},"total_tokens":$total})";
constexpr std::string_view kItem =
    R"({"id":"msg_demo$id","type":"message","role":"assistant","status":$status,"content":$parts})";
constexpr std::string_view kPart = R"({"type":"output_text","annotations":[],"text":$text})";

DemoReply whole(std::string body) {
  DemoReply reply;
  reply.pieces.push_back(std::move(body));
  return reply;
}

DemoReply event_stream() {
  DemoReply reply;
  reply.stream = true;
  reply.content_type = "text/event-stream; charset=utf-8";
  return reply;
}

DemoReply chat(const DemoCall& call, const DemoSpeech& speech, DemoForm form) {
  const std::string usage = form.fill(kUsage);
  form.set_text("finish", speech.cut ? "length" : "stop");
  if (!call.stream) return whole(form.set_json("usage", usage).fill(kChat));
  DemoReply reply = event_stream();
  const auto say = [&](std::string_view choices, std::string_view used) {
    form.set_json("choices", form.fill(choices)).set_json("usage", std::string(used));
    reply.pieces.push_back(form.fill(kChatChunk));
  };
  say(R"([{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}])", "null");
  for (const std::string_view word : speech.words) {
    form.set_text("text", word);
    say(R"([{"index":0,"delta":{"content":$text},"finish_reason":null}])", "null");
  }
  say(R"([{"index":0,"delta":{},"finish_reason":$finish}])", "null");
  if (call.asks_usage) say("[]", usage);
  reply.pieces.push_back("data: [DONE]\n\n");
  return reply;
}

DemoReply completion(const DemoCall& call, const DemoSpeech& speech, DemoForm form) {
  constexpr std::string_view kChoice =
      R"([{"index":0,"text":$text,"logprobs":null,"finish_reason":$finish}])";
  const std::string usage = form.fill(kUsage);
  form.set_text("finish", speech.cut ? "length" : "stop");
  if (!call.stream) {
    form.set_json("choices", form.fill(kChoice)).set_json("usage", usage);
    return whole(form.fill(kCompletion));
  }
  DemoReply reply = event_stream();
  const auto say = [&](std::string choices, std::string_view used) {
    form.set_json("choices", std::move(choices)).set_json("usage", std::string(used));
    reply.pieces.push_back("data: " + form.fill(kCompletion) + "\n\n");
  };
  const std::string finish = speech.cut ? "length" : "stop";
  for (std::size_t i = 0; i < speech.words.size(); ++i) {
    form.set_text("text", speech.words[i]);
    if (i + 1 < speech.words.size()) form.set_json("finish", "null");
    if (i + 1 == speech.words.size()) form.set_text("finish", finish);
    say(form.fill(kChoice), "null");
  }
  if (call.asks_usage) say("[]", usage);
  reply.pieces.push_back("data: [DONE]\n\n");
  return reply;
}

// What the response looks like while it is made, and when it is done.
std::string response_object(DemoForm& form, std::string_view status, bool done, bool cut) {
  form.set_text("status", status);
  form.set_json("details", cut && done ? R"({"reason":"max_output_tokens"})" : "null");
  form.set_json("usage", done ? form.fill(kResponseUsage) : "null");
  form.set_json("parts", done ? "[" + form.fill(kPart) + "]" : "[]");
  form.set_json("items", done ? "[" + form.fill(kItem) + "]" : "[]");
  return form.fill(kResponse);
}

DemoReply response(const DemoCall& call, const DemoSpeech& speech, DemoForm form) {
  const std::string_view end = speech.cut ? "incomplete" : "completed";
  if (!call.stream) return whole(response_object(form, end, true, speech.cut));
  DemoReply reply = event_stream();
  std::uint64_t number = 0;
  const auto say = [&](std::string_view type, std::string_view members) {
    form.set_text("type", type).set("number", number++);
    reply.pieces.push_back(form.fill("event: ") + std::string(type) +
                           form.fill("\ndata: {\"type\":$type,\"sequence_number\":$number,") +
                           form.fill(members) + "}\n\n");
  };
  form.set_json("response", response_object(form, "in_progress", false, false));
  const std::string item = form.fill(kItem);
  say("response.created", R"("response":$response)");
  say("response.in_progress", R"("response":$response)");
  form.set_json("item", item);
  say("response.output_item.added", R"("output_index":0,"item":$item)");
  constexpr std::string_view kWhere = R"("item_id":"msg_demo$id","output_index":0,"content_index":0,)";
  const std::string where(kWhere);
  form.set_text("text", "");
  form.set_json("part", form.fill(kPart));
  say("response.content_part.added", where + R"("part":$part)");
  for (const std::string_view word : speech.words) {
    form.set_text("text", word);
    say("response.output_text.delta", where + R"("delta":$text,"logprobs":[])");
  }
  form.set_text("text", speech.text());
  say("response.output_text.done", where + R"("text":$text,"logprobs":[])");
  form.set_json("part", form.fill(kPart));
  say("response.content_part.done", where + R"("part":$part)");
  form.set_json("response", response_object(form, end, true, speech.cut));
  form.set_json("item", form.fill(kItem));
  say("response.output_item.done", R"("output_index":0,"item":$item)");
  say(speech.cut ? "response.incomplete" : "response.completed", R"("response":$response)");
  return reply;
}

// A vector that looks like one: length 1, another for each input.
std::vector<float> pretend_vector(std::uint64_t size, std::uint64_t seed) {
  std::vector<float> vector(size);
  double square = 0;
  for (std::uint64_t i = 0; i < size; ++i) {
    const double value = std::sin(static_cast<double>((i + 1) * (seed + 1)));
    vector[i] = static_cast<float>(value);
    square += value * value;
  }
  for (float& value : vector) value /= static_cast<float>(std::sqrt(square));
  return vector;
}

// SDKs ask for base64 of 32-bit floats, little endian.
std::string vector_json(const std::vector<float>& vector, bool base64) {
  if (base64) {
    const std::size_t size = vector.size() * sizeof(float);
    std::string text(4 * ((size + 2) / 3) + 1, '\0');
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                        reinterpret_cast<const unsigned char*>(vector.data()),
                                        static_cast<int>(size));
    text.resize(static_cast<std::size_t>(written));
    return "\"" + text + "\"";
  }
  std::string json;
  for (const float value : vector) json += (json.empty() ? "[" : ",") + std::to_string(value);
  return json + "]";
}

DemoReply embeddings(const DemoCall& call, DemoForm form) {
  std::string rows;
  for (std::uint64_t i = 0; i < call.inputs; ++i) {
    const std::uint64_t size = call.dimensions == 0 ? kDimensions : call.dimensions;
    form.set("index", i).set_json("vector", vector_json(pretend_vector(size, i), call.base64));
    rows += (i == 0 ? "" : ",") +
            form.fill(R"({"object":"embedding","index":$index,"embedding":$vector})");
  }
  form.set_json("rows", std::move(rows));
  return whole(form.fill(R"({"object":"list","data":[$rows],"model":$model,)"
                         R"("usage":{"prompt_tokens":$input,"total_tokens":$input}})"));
}

}  // namespace

DemoReply openai_reply(const DemoCall& call, WallTime now) {
  const DemoSpeech speech = speech_for(call);
  DemoForm form = form_for(call, speech, now);
  if (call.models) return whole(form.fill(kModels));
  switch (call.endpoint) {
    case Endpoint::chat_completions: return chat(call, speech, std::move(form));
    case Endpoint::completions: return completion(call, speech, std::move(form));
    case Endpoint::responses: return response(call, speech, std::move(form));
    case Endpoint::embeddings: return embeddings(call, std::move(form));
    default: return {};
  }
}

}  // namespace farebox
