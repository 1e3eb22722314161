// Anthropic's paths: messages, count_tokens, the legacy complete, models.
#include <algorithm>

#include "tests/mock/reply.hpp"
#include "tests/mock/words.hpp"

namespace farebox::mock {

namespace {

std::uint64_t input_tokens(const Ask& ask) {
  const std::uint64_t counted = count_prompt(ask.body.value("messages", Json())) +
                                count_prompt(ask.body.value("system", Json()));
  return ask.behaviour.input_tokens.value_or(counted);
}

// Cache reads are not part of input_tokens here; the behaviour's input is the
// whole, as everywhere, so they are taken off.
Json usage_of(const Ask& ask, std::uint64_t input, std::uint64_t output) {
  const std::uint64_t cached = std::min(ask.behaviour.cached_tokens, input);
  return {{"input_tokens", input - cached},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", cached},
          {"cache_creation",
           {{"ephemeral_5m_input_tokens", 0}, {"ephemeral_1h_input_tokens", 0}}},
          {"output_tokens", output},
          {"service_tier", "standard"}};
}

Json message(const Ask& ask, const Json& content, const Json& stop_reason, const Json& usage) {
  Json out = {{"model", served_model(ask, text_in(ask.body, "model"))},
              {"id", "msg_" + ask.id},
              {"type", "message"},
              {"role", "assistant"},
              {"content", content},
              {"stop_reason", stop_reason},
              {"stop_sequence", nullptr}};
  if (!usage.is_null()) out["usage"] = usage;
  return out;
}

void add_event(const Ask& ask, Reply& reply, const Json& event, std::uint64_t tokens) {
  reply.add("event: " + text_in(event, "type") + "\ndata: " + event_json(ask, event) + "\n\n",
            tokens);
}

void stream(const Ask& ask, const Length& length, const std::string& stop, Reply& reply) {
  const bool usage = ask.behaviour.usage;
  const std::uint64_t input = reply.input_tokens;
  add_event(ask, reply,
            {{"type", "message_start"},
             {"message", message(ask, Json::array(), nullptr,
                                 usage ? usage_of(ask, input, 1) : Json())}},
            0);
  add_event(ask, reply,
            {{"type", "content_block_start"},
             {"index", 0},
             {"content_block", {{"type", "text"}, {"text", ""}}}},
            0);
  add_event(ask, reply, {{"type", "ping"}}, 0);
  for (std::uint64_t i = 0; i < length.words; ++i) {
    add_event(ask, reply,
              {{"type", "content_block_delta"},
               {"index", 0},
               {"delta", {{"type", "text_delta"}, {"text", speech_word(i)}}}},
              i + 1);
  }
  add_event(ask, reply, {{"type", "content_block_stop"}, {"index", 0}}, length.words);
  Json end = {{"type", "message_delta"},
              {"delta", {{"stop_reason", stop}, {"stop_sequence", nullptr}}}};
  if (usage) end["usage"] = usage_of(ask, input, length.words);
  add_event(ask, reply, end, length.words);
  add_event(ask, reply, {{"type", "message_stop"}}, length.words);
}

void answer_messages(const Ask& ask, Reply& reply) {
  const Length length =
      reply_length(ask.behaviour.output_tokens, number_in(ask.body, "max_tokens"));
  const std::string stop = length.limited ? "max_tokens" : "end_turn";
  reply.input_tokens = input_tokens(ask);
  if (true_in(ask.body, "stream")) {
    reply.streamed = true;
    reply.content_type = "text/event-stream; charset=utf-8";
    stream(ask, length, stop, reply);
    return;
  }
  const Json content = Json::array({{{"type", "text"}, {"text", speech(length.words)}}});
  const Json usage =
      ask.behaviour.usage ? usage_of(ask, reply.input_tokens, length.words) : Json();
  reply.add(json_text(message(ask, content, stop, usage)), length.words);
}

void answer_complete(const Ask& ask, Reply& reply) {
  const Length length =
      reply_length(ask.behaviour.output_tokens, number_in(ask.body, "max_tokens_to_sample"));
  reply.add(json_text({{"type", "completion"},
                       {"id", "compl_" + ask.id},
                       {"completion", speech(length.words)},
                       {"stop_reason", length.limited ? "max_tokens" : "stop_sequence"},
                       {"model", reply.model}}),
            length.words);
}

}  // namespace

Json anthropic_error(int status, std::string_view message) {
  const char* type = "invalid_request_error";
  if (status == 401) type = "authentication_error";
  if (status == 403) type = "permission_error";
  if (status == 404) type = "not_found_error";
  if (status == 413) type = "request_too_large";
  if (status == 429) type = "rate_limit_error";
  if (status >= 500) type = "api_error";
  if (status == 529) type = "overloaded_error";
  return {{"type", "error"},
          {"error", {{"type", type}, {"message", message}}},
          {"request_id", "req_mock"}};
}

bool anthropic_reply(const Ask& ask, Reply& reply) {
  reply.model = served_model(ask, text_in(ask.body, "model"));
  if (ends_with(ask.path, "/messages")) {
    answer_messages(ask, reply);
  } else if (ends_with(ask.path, "/messages/count_tokens")) {
    reply.add(json_text({{"input_tokens", input_tokens(ask)}}));
  } else if (ends_with(ask.path, "/complete")) {
    answer_complete(ask, reply);
  } else if (ends_with(ask.path, "/models")) {
    const Json card = {{"type", "model"},
                       {"id", "claude-sonnet-4-5"},
                       {"display_name", "Claude Sonnet 4.5"},
                       {"created_at", "2025-09-29T00:00:00Z"}};
    reply.add(json_text({{"data", Json::array({card})},
                         {"has_more", false},
                         {"first_id", "claude-sonnet-4-5"},
                         {"last_id", "claude-sonnet-4-5"}}));
  } else {
    return false;
  }
  return true;
}

}  // namespace farebox::mock
