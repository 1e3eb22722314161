#include "tests/mock/reply.hpp"

#include "tests/mock/octets.hpp"

namespace farebox::mock {

namespace {

enum class Family : std::uint8_t { openai, anthropic, gemini };

Family family_of(const Request& request, std::string_view path) {
  if (path.find("/v1/messages") != std::string_view::npos || ends_with(path, "/v1/complete") ||
      !request.field("anthropic-version").empty()) {
    return Family::anthropic;
  }
  if (path.find("/v1beta") != std::string_view::npos ||
      path.find("enerateContent") != std::string_view::npos ||
      path.find("mbedContent") != std::string_view::npos || ends_with(path, ":countTokens")) {
    return Family::gemini;
  }
  return Family::openai;
}

Json error_of(Family family, int status, std::string_view message) {
  if (family == Family::anthropic) return anthropic_error(status, message);
  if (family == Family::gemini) return gemini_error(status, message);
  return openai_error(status, message);
}

void become_error(Reply& reply, const Json& error, int status) {
  reply = Reply();
  reply.status = status;
  reply.content_type = "application/json";
  reply.add(json_text(error));
}

// Copying and destroying a value takes stack for each level; providers refuse
// such bodies too.
bool nests_too_deep(std::string_view text) {
  constexpr int kDeepest = 256;
  int depth = 0;
  bool inside_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside_string) {
      if (c == '\\') ++i;
      if (c == '"') inside_string = false;
    } else if (c == '"') {
      inside_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

Json read_json(const Request& request) {
  if (request.body.empty()) return Json::object();
  if (nests_too_deep(request.body)) return Json(Json::value_t::discarded);
  return Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
}

// The body of the reply is given; the request's is of no interest.
bool is_replaced(const Behaviour& behaviour) {
  return behaviour.body || behaviour.body_base64 || behaviour.body_size || behaviour.bomb_mib;
}

bool answer(Family family, const Ask& ask, Reply& reply) {
  if (family == Family::anthropic) return anthropic_reply(ask, reply);
  if (family == Family::gemini) return gemini_reply(ask, reply);
  return openai_reply(ask, reply);
}

}  // namespace

Reply make_reply(const Request& request, const Behaviour& behaviour) {
  Ask ask{request, behaviour, percent_decoded(request.path()), read_json(request),
          sha256_hex(request.body).substr(0, 16)};
  const Family family = family_of(request, ask.path);
  Reply reply;
  reply.content_type = "application/json";
  reply.fields.push_back({family == Family::anthropic ? "request-id" : "x-request-id",
                          "req_mock_" + ask.id});
  if (behaviour.status >= 400) {
    become_error(reply, error_of(family, behaviour.status, "the mock was told to fail"),
                 behaviour.status);
    return reply;
  }
  if (!ask.body.is_object() && is_replaced(behaviour)) ask.body = Json::object();
  if (!ask.body.is_object()) {
    become_error(reply, error_of(family, 400, "the body is no JSON object"), 400);
    return reply;
  }
  try {
    if (!answer(family, ask, reply)) {
      become_error(reply, error_of(family, 404, "unknown path " + latin1_to_utf8(ask.path)), 404);
    }
  } catch (const Json::exception& error) {
    become_error(reply, error_of(family, 400, error.what()), 400);
  }
  return reply;
}

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string served_model(const Ask& ask, std::string_view asked) {
  return ask.behaviour.model.empty() ? std::string(asked) : ask.behaviour.model;
}

std::string text_in(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool true_in(const Json& object, const char* name) {
  if (!object.is_object()) return false;
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string event_json(const Ask& ask, const Json& event) {
  std::string out = json_text(event);
  if (ask.behaviour.stamp) {
    out.pop_back();
    out.append(",\"t\":").append(kStampMark).append("}");
  }
  return out;
}

}  // namespace farebox::mock
