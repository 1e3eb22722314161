// Anthropic's Messages API (anthropic-sdk-python) as the pretend provider speaks it.
#include "proxy/demo/demo_reply.hpp"

namespace farebox {
namespace {

constexpr std::string_view kModels =
    R"({"data":[{"type":"model","id":"claude-sonnet-4-5","display_name":"Claude Sonnet 4.5, pretended",)"
    R"("created_at":"2025-09-29T00:00:00Z"}],"has_more":false,"first_id":"claude-sonnet-4-5",)"
    R"("last_id":"claude-sonnet-4-5"})";

constexpr std::string_view kUsage =
    R"({"input_tokens":$input,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
    R"("output_tokens":$spoken})";

constexpr std::string_view kMessage =
    R"({"id":"msg_demo$id","type":"message","role":"assistant","model":$model,"content":$content,)"
    R"("stop_reason":$reason,"stop_sequence":null,"usage":$usage})";

DemoReply stream(const DemoSpeech& speech, DemoForm form, std::string_view reason) {
  DemoReply reply;
  reply.stream = true;
  reply.content_type = "text/event-stream; charset=utf-8";
  const auto say = [&](std::string_view type, std::string_view members) {
    reply.pieces.push_back("event: " + std::string(type) + "\ndata: {\"type\":\"" +
                           std::string(type) + "\"" + form.fill(members) + "}\n\n");
  };
  // The head of a message says one output token; the end says how many there were.
  form.set("spoken", 1).set_json("content", "[]").set_json("reason", "null");
  form.set_json("usage", form.fill(kUsage));
  form.set_json("message", form.fill(kMessage));
  say("message_start", R"(,"message":$message)");
  say("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})");
  say("ping", "");
  for (const std::string_view word : speech.words) {
    form.set_text("text", word);
    say("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":$text})");
  }
  say("content_block_stop", R"(,"index":0)");
  form.set_text("reason", reason);
  say("message_delta", R"(,"delta":{"stop_reason":$reason,"stop_sequence":null},)"
                       R"("usage":{"output_tokens":$output})");
  say("message_stop", "");
  return reply;
}

}  // namespace

DemoReply anthropic_reply(const DemoCall& call, WallTime now) {
  const DemoSpeech speech = speech_for(call);
  DemoForm form = form_for(call, speech, now);
  DemoReply reply;
  if (call.models) {
    reply.pieces.emplace_back(kModels);
  } else if (call.endpoint == Endpoint::count_tokens) {
    reply.pieces.push_back(form.fill(R"({"input_tokens":$input})"));
  } else if (call.endpoint == Endpoint::messages) {
    const std::string_view reason = speech.cut ? "max_tokens" : "end_turn";
    if (call.stream) return stream(speech, std::move(form), reason);
    form.set("spoken", speech.tokens()).set_text("reason", reason);
    form.set_json("usage", form.fill(kUsage));
    form.set_json("content", form.fill(R"([{"type":"text","text":$text}])"));
    reply.pieces.push_back(form.fill(kMessage));
  }
  return reply;
}

}  // namespace farebox
