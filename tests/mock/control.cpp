#include "tests/mock/control.hpp"

#include <cstdlib>

#include "tests/mock/http_message.hpp"
#include "tests/mock/reply.hpp"

namespace farebox::mock {

namespace {

struct Answer {
  int status = 200;
  Json body = Json::object();
};

Answer add_rules(World& world, const std::string& text) {
  const Json body = Json::parse(text, nullptr, false);
  if (body.is_discarded()) return {400, {{"error", "no JSON"}}};
  for (const Json& rule : body.is_array() ? body : Json::array({body})) {
    const std::string wrong = world.rules.add(rule);
    if (!wrong.empty()) return {400, {{"error", wrong}}};
  }
  return {};
}

std::uint64_t after_asked(std::string_view query) {
  constexpr std::string_view kAfter = "after=";
  const auto at = query.find(kAfter);
  if (at == std::string_view::npos) return 0;
  return std::strtoull(std::string(query.substr(at + kAfter.size())).c_str(), nullptr, 10);
}

Answer answer(World& world, const Request& request) {
  const std::string call = request.method + " " + std::string(request.path());
  if (call == "POST /rules") return add_rules(world, request.body);
  if (call == "GET /log") return {200, world.log.requests(after_asked(request.query()))};
  if (call == "GET /bill") return {200, world.log.bill()};
  if (call == "GET /connections") return {200, world.connections.state()};
  if (call == "DELETE /rules") {
    world.rules.clear();
  } else if (call == "DELETE /log") {
    world.log.clear();
  } else if (call == "POST /connections/close") {
    world.connections.shut_all();
  } else {
    return {404, {{"error", "no such call: " + call}}};
  }
  return {};
}

}  // namespace

void serve_control(Stream& stream, World& world) {
  Inbox inbox(stream);
  while (true) {
    Request request;
    RequestReader reader(inbox);
    if (reader.read_head(request) != ReadEnd::whole) break;
    if (reader.read_body(request, 0) != ReadEnd::whole) break;
    const Answer reply = answer(world, request);
    const std::string body = json_text(reply.body);
    const bool sent = stream.write_all(
        "HTTP/1.1 " + std::to_string(reply.status) +
        " Control\r\ncontent-type: application/json\r\ncontent-length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    if (!sent || request.field("connection") == "close") break;
  }
  stream.close_politely();
}

}  // namespace farebox::mock
