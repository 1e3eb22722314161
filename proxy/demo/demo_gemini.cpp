// Gemini's generateContent (ai.google.dev/api/generate-content) as the pretend provider
// speaks it.
#include "proxy/demo/demo_reply.hpp"

namespace farebox {
namespace {

constexpr std::string_view kModels =
    R"({"models":[{"name":"models/gemini-2.5-flash","displayName":"Gemini 2.5 Flash, pretended",)"
    R"("supportedGenerationMethods":["generateContent","countTokens"]}]})";

constexpr std::string_view kAnswer =
    R"({"candidates":[{"content":{"parts":[{"text":$text}],"role":"model"},$finish"index":0}],)"
    R"("usageMetadata":{"promptTokenCount":$input,"candidatesTokenCount":$spoken,)"
    R"("totalTokenCount":$sum},"modelVersion":$model,"responseId":"demo$id"})";

std::string finish_of(const DemoSpeech& speech) {
  return speech.cut ? R"("finishReason":"MAX_TOKENS",)" : R"("finishReason":"STOP",)";
}

// Every event tells the tokens so far. Without alt=sse the events are the elements of one
// JSON array.
DemoReply stream(const DemoCall& call, const DemoSpeech& speech, DemoForm form) {
  DemoReply reply;
  reply.stream = true;
  if (call.event_stream) reply.content_type = "text/event-stream";
  for (std::size_t i = 0; i < speech.words.size(); ++i) {
    const bool last = i + 1 == speech.words.size();
    const std::uint64_t spoken = tokens_of_words(i + 1);
    form.set_text("text", speech.words[i]).set("spoken", spoken);
    form.set("sum", call.input_tokens + spoken).set_json("finish", last ? finish_of(speech) : "");
    const std::string answer = form.fill(kAnswer);
    reply.pieces.push_back(call.event_stream ? "data: " + answer + "\r\n\r\n"
                                             : (i == 0 ? "[" : ",\r\n") + answer);
  }
  if (!call.event_stream) reply.pieces.back() += "]";
  return reply;
}

}  // namespace

DemoReply gemini_reply(const DemoCall& call, WallTime now) {
  const DemoSpeech speech = speech_for(call);
  DemoForm form = form_for(call, speech, now);
  DemoReply reply;
  if (call.models) {
    reply.pieces.emplace_back(kModels);
  } else if (call.endpoint == Endpoint::count_tokens) {
    reply.pieces.push_back(form.fill(R"({"totalTokens":$input})"));
  } else if (call.endpoint == Endpoint::generate_content) {
    if (call.stream) return stream(call, speech, std::move(form));
    form.set("spoken", speech.tokens()).set("sum", call.input_tokens + speech.tokens());
    form.set_json("finish", finish_of(speech));
    reply.pieces.push_back(form.fill(kAnswer));
  } else if (call.endpoint == Endpoint::chat_completions) {
    return openai_reply(call, now);  // /v1beta/openai/...
  }
  return reply;
}

}  // namespace farebox
