#include "tests/mock/responses_api.hpp"

#include "tests/mock/words.hpp"

namespace farebox::mock {

namespace {

std::uint64_t input_tokens(const Ask& ask) {
  const std::uint64_t counted = count_prompt(ask.body.value("input", Json())) +
                                count_prompt(ask.body.value("instructions", Json()));
  return ask.behaviour.input_tokens.value_or(counted);
}

Json message_item(const Ask& ask, const char* status, const std::string& text) {
  Json item = {{"id", "msg_" + ask.id}, {"type", "message"}, {"status", status}};
  item["content"] = Json::array();
  if (!text.empty()) {
    item["content"].push_back(
        {{"type", "output_text"}, {"annotations", Json::array()}, {"text", text}});
  }
  item["role"] = "assistant";
  return item;
}

Json response_object(const Ask& ask, const std::string& status, const Json& output,
                     const Json& usage) {
  Json out = {{"id", "resp_" + ask.id},
              {"object", "response"},
              {"created_at", 1'760'000'000},
              {"status", status},
              {"error", nullptr},
              {"incomplete_details", nullptr},
              {"model", served_model(ask, text_in(ask.body, "model"))},
              {"output", output},
              {"parallel_tool_calls", true},
              {"tool_choice", "auto"},
              {"tools", Json::array()},
              {"usage", usage}};
  if (status == "incomplete") out["incomplete_details"] = {{"reason", "max_output_tokens"}};
  return out;
}

Json usage_of(const Ask& ask, std::uint64_t input, std::uint64_t output) {
  if (!ask.behaviour.usage) return nullptr;
  return {{"input_tokens", input},
          {"input_tokens_details", {{"cached_tokens", ask.behaviour.cached_tokens}}},
          {"output_tokens", output},
          {"output_tokens_details", {{"reasoning_tokens", ask.behaviour.reasoning_tokens}}},
          {"total_tokens", input + output}};
}

// Named events, numbered, without [DONE].
class EventWriter {
 public:
  EventWriter(const Ask& ask, Reply& reply) : ask_(ask), reply_(reply) {}

  void write(const std::string& type, Json rest, std::uint64_t tokens) {
    Json event = {{"type", type}, {"sequence_number", number_++}};
    event.update(rest);
    reply_.add("event: " + type + "\ndata: " + event_json(ask_, event) + "\n\n", tokens);
  }

 private:
  const Ask& ask_;
  Reply& reply_;
  std::uint64_t number_ = 0;
};

void stream(const Ask& ask, const Length& length, std::uint64_t input, Reply& reply) {
  const Json nothing = Json::array();
  const std::string item_id = "msg_" + ask.id;
  const std::string text = speech(length.words);
  const std::string status = length.limited ? "incomplete" : "completed";
  const std::uint64_t words = length.words;
  const Json place = {{"item_id", item_id}, {"output_index", 0}, {"content_index", 0}};

  EventWriter events(ask, reply);
  const Json started = response_object(ask, "in_progress", nothing, nullptr);
  events.write("response.created", {{"response", started}}, 0);
  events.write("response.in_progress", {{"response", started}}, 0);
  events.write("response.output_item.added",
               {{"output_index", 0}, {"item", message_item(ask, "in_progress", "")}}, 0);
  for (std::uint64_t i = 0; i < words; ++i) {
    Json delta = place;
    delta["delta"] = speech_word(i);
    events.write("response.output_text.delta", delta, i + 1);
  }
  Json done = place;
  done["text"] = text;
  events.write("response.output_text.done", done, words);
  const Json item = message_item(ask, status.c_str(), text);
  events.write("response.output_item.done", {{"output_index", 0}, {"item", item}}, words);
  events.write("response." + status,
               {{"response", response_object(ask, status, Json::array({item}),
                                             usage_of(ask, input, words))}},
               words);
}

}  // namespace

bool responses_reply(const Ask& ask, Reply& reply) {
  reply.model = served_model(ask, text_in(ask.body, "model"));
  if (ends_with(ask.path, "/responses/input_tokens")) {
    reply.add(json_text(
        {{"object", "response.input_tokens"}, {"input_tokens", input_tokens(ask)}}));
    return true;
  }
  if (!ends_with(ask.path, "/responses") || ask.request.method != "POST") return false;

  const Length length =
      reply_length(ask.behaviour.output_tokens, number_in(ask.body, "max_output_tokens"));
  reply.input_tokens = input_tokens(ask);
  if (true_in(ask.body, "stream")) {
    reply.streamed = true;
    reply.content_type = "text/event-stream; charset=utf-8";
    stream(ask, length, reply.input_tokens, reply);
    return true;
  }
  const std::string status = length.limited ? "incomplete" : "completed";
  const Json item = message_item(ask, status.c_str(), speech(length.words));
  reply.add(json_text(response_object(ask, status, Json::array({item}),
                                      usage_of(ask, reply.input_tokens, length.words))),
            length.words);
  return true;
}

}  // namespace farebox::mock
