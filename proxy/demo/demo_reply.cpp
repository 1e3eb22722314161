#include "proxy/demo/demo_reply.hpp"

#include <algorithm>

namespace farebox {
namespace {

constexpr std::string_view kSpeech =
    "Hello! I am farebox's pretend provider: no model ran, no key was needed and nothing left this "
    "machine. Your request was counted, priced and written to the ledger as if a real model had "
    "answered it. Run farebox usage to see the tokens and what they would have cost.";

DemoReply refuse(const DemoCall& call, int status, std::string_view what) {
  const Refusal refusal{status, status == 404 ? ErrorCode::not_found : ErrorCode::bad_request,
                        "invalid_request_error", what, "demo"};
  DemoReply reply;
  reply.status = status;
  reply.pieces.push_back(dialect_for(call.dialect).shape_error(refusal).body);
  return reply;
}

}  // namespace

std::string DemoSpeech::text() const {
  std::string text;
  for (const std::string_view word : words) text += word;
  return text;
}

DemoSpeech speech_for(const DemoCall& call) {
  DemoSpeech speech;
  std::string_view rest = kSpeech;
  while (!rest.empty()) {
    const std::size_t size = std::min(rest.find(' ', 1), rest.size());
    speech.words.push_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  if (call.max_output_tokens != 0 && speech.tokens() > call.max_output_tokens) {
    speech.cut = true;
    while (speech.words.size() > 1 && speech.tokens() > call.max_output_tokens) {
      speech.words.pop_back();
    }
  }
  return speech;
}

DemoForm form_for(const DemoCall& call, const DemoSpeech& speech, WallTime now) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  DemoForm form;
  form.set("id", call.number).set("created", static_cast<std::uint64_t>(seconds));
  form.set_text("model", call.model.empty() ? "demo" : call.model);
  form.set_text("text", speech.text());
  form.set("input", call.input_tokens).set("output", speech.tokens());
  form.set("total", call.input_tokens + speech.tokens());
  return form;
}

DemoReply reply_to(const DemoCall& call, WallTime now) {
  const bool lists = call.models;
  if (!lists && (call.endpoint == Endpoint::unknown || call.endpoint == Endpoint::passthrough)) {
    return refuse(call, 404,
                  "The pretend provider answers chat, responses, embeddings, messages, "
                  "generateContent and lists of models. Start farebox serve for everything else.");
  }
  if (!lists && !call.readable) return refuse(call, 400, "The body is not a JSON object.");
  DemoReply reply;
  switch (call.dialect) {
    case DialectName::anthropic: reply = anthropic_reply(call, now); break;
    case DialectName::gemini: reply = gemini_reply(call, now); break;
    default: reply = openai_reply(call, now); break;
  }
  if (!reply.pieces.empty()) return reply;
  return refuse(call, 404,
                "The pretend provider doesn't know this endpoint. Start farebox serve for it.");
}

}  // namespace farebox
