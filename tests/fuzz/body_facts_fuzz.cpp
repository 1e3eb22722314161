// Reading request bodies of any octets: the first octet picks the endpoint, the second the
// content-type. What is to be spliced must give valid JSON that asks for usage.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/dialect/body_facts.hpp"

namespace {

using namespace farebox;

void check_splice(const Route& route, std::string body, const BodyFacts& facts) {
  std::string text = facts.splice_inside_options ? R"("include_usage":true)"
                                                 : R"("stream_options":{"include_usage":true})";
  if (facts.splice_needs_comma) text += ',';
  body.insert(facts.splice_at, text);
  const auto again = read_body_facts(route, "", body);
  if (!again || !again->readable || !again->asks_usage) std::abort();
  if (again->model != facts.model || again->splice_at != std::string_view::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Route route;
  route.endpoint = static_cast<Endpoint>(data[0] % (static_cast<int>(Endpoint::described) + 1));
  const std::string_view type = data[1] % 2 == 0 ? "" : "multipart/form-data; boundary=B";
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto facts = read_body_facts(route, type, body);
  if (facts && facts->splice_at != std::string_view::npos) check_splice(route, body, *facts);
  if (facts && facts->choices == 0) std::abort();
  return 0;
}
