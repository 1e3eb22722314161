// The whole answer of a stream: any octets as events; the first octet picks the API. What comes
// out is one JSON object, and nothing comes of a stream with an error in it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/whole_answer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace farebox;
  if (size == 0) return 0;
  constexpr Endpoint kEndpoints[] = {Endpoint::chat_completions, Endpoint::messages, Endpoint::responses,
                                     Endpoint::embeddings};
  const Endpoint endpoint = kEndpoints[data[0] % 4];
  const std::string events(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto answer = whole_answer(endpoint, events);
  if (!answer) return 0;
  JsonCursor cursor(*answer);
  if (cursor.kind() != JsonCursor::Kind::object) std::abort();
  cursor.skip();
  if (!cursor.at_end()) std::abort();
  if (whole_answer(endpoint, "data: {\"type\":\"error\",\"error\":{}}\n\n" + events)) std::abort();
  if (whole_answer(endpoint, events + "\n\ndata: {\"type\":\"error\",\"error\":{}}\n\n")) std::abort();
  return 0;
}
