// What a provider would answer, before anybody decides how it goes over the
// wire: status, head fields, and the body as the pieces a server writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/mock/behaviour.hpp"
#include "tests/mock/http_message.hpp"

namespace farebox::mock {

// One write of a server; for streams one event.
struct Piece {
  std::string octets;
  std::uint64_t tokens = 0;  // output tokens the provider has produced (and bills) by then
};

struct Reply {
  int status = 200;
  std::string content_type;
  std::vector<Field> fields;
  std::vector<Piece> pieces;
  bool streamed = false;  // framed as a stream unless told otherwise

  // For the mock's own bill.
  std::string model;
  std::uint64_t input_tokens = 0;

  void add(std::string octets, std::uint64_t tokens = 0) {
    pieces.push_back({std::move(octets), tokens});
  }
};

// Where an event shall say when it was written: a blank-padded number of the
// same width replaces it at the last moment.
inline constexpr std::string_view kStampMark = "@@@@@@@@@@@@@@@@@@";

// The parts of a request that every dialect looks at.
struct Ask {
  const Request& request;
  const Behaviour& behaviour;
  std::string path;  // decoded
  Json body;         // an empty object if there is none
  std::string id;    // stable for equal bodies
};

// The reply of the dialect whose path this is; an error in that dialect's
// shape when the path is unknown, the body is no JSON, or an error status is
// asked for.
Reply make_reply(const Request& request, const Behaviour& behaviour);

// One family each. They answer false when the path is none of theirs.
bool openai_reply(const Ask& ask, Reply& reply);
bool anthropic_reply(const Ask& ask, Reply& reply);
bool gemini_reply(const Ask& ask, Reply& reply);

Json openai_error(int status, std::string_view message);
Json anthropic_error(int status, std::string_view message);
Json gemini_error(int status, std::string_view message);

// Helpers the families share.
std::string json_text(const Json& value);
std::string served_model(const Ask& ask, std::string_view asked);
std::string text_in(const Json& object, const char* name);
bool true_in(const Json& object, const char* name);
bool ends_with(std::string_view text, std::string_view end);
// Adds "t", the place of the stamp, to an event when it is asked for.
std::string event_json(const Ask& ask, const Json& event);

}  // namespace farebox::mock
