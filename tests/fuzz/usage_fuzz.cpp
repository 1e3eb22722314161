// Every usage reader on any octets: the first octet picks dialect and endpoint, the second
// into how long pieces the rest is cut; what begins like a head is one. Cutting must change
// nothing, and what is reported must fit together.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/http/head.hpp"
#include "tests/fuzz/dialects.hpp"

namespace {

using namespace farebox;

constexpr int kEndpoints = static_cast<int>(Endpoint::predictions) + 1;

// Some providers report in the head and nowhere else.
struct Answer {
  http::ResponseHead head;
  bool has_head = false;
  std::string_view body;
};

Answer answer_in(std::string_view text) {
  constexpr http::HeadLimits kLimits{1024, 4096, 50};
  Answer answer;
  answer.body = text;
  http::HeadScanner scanner(kLimits);
  if (!text.starts_with("HTTP/1.1 ")) return answer;
  const auto length = scanner.find_end(text);
  if (!length || *length == 0) return answer;
  answer.has_head = bool(http::parse_response(text.substr(0, *length), "POST", kLimits, answer.head));
  answer.body = text.substr(*length);
  return answer;
}

Reading run(const Dialect& dialect, const Route& route, const Answer& answer, std::size_t step) {
  const auto reader = dialect.reader(route, BodyFacts());
  if (answer.has_head) reader->head(answer.head);
  std::string_view reply = answer.body;
  while (!reply.empty()) {
    const std::string piece(reply.substr(0, step));
    reply.remove_prefix(piece.size());
    reader->feed(piece);
  }
  return reader->finish();
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Route route;
  route.endpoint = static_cast<Endpoint>((data[0] >> 3) % kEndpoints);
  const Dialect& dialect = picked_dialect(data[0]);
  const Answer answer = answer_in({reinterpret_cast<const char*>(data) + 2, size - 2});
  const Reading whole = run(dialect, route, answer, answer.body.size());
  const Reading cut = run(dialect, route, answer, 1 + data[1] % 64);
  const Usage& a = whole.usage;
  const Usage& b = cut.usage;
  require(a.source == b.source && a.input == b.input && a.output == b.output);
  require(a.cached_input == b.cached_input && a.reasoning == b.reasoning);
  require(a.images == b.images && a.microseconds == b.microseconds);
  require(a.extras.size() == b.extras.size() && a.service_tier == b.service_tier);
  require(a.pages == b.pages && a.queries == b.queries && a.characters == b.characters);
  require(a.citation == b.citation && a.reported_cost == b.reported_cost);
  require(a.variant == b.variant && a.search_context == b.search_context);
  require(whole.model == cut.model && whole.finish_reason == cut.finish_reason);
  require(whole.tool_calls == cut.tool_calls && whole.output_bytes == cut.output_bytes);
  require(whole.finished == cut.finished && whole.error == cut.error);
  require(a.cached_input + a.cache_write <= a.input && a.reasoning <= a.output);
  require(a.source == UsageSource::reported || (a.input == 0 && a.output == 0));
  return 0;
}
