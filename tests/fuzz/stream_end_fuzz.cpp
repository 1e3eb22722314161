// Ends behind streams of any octets: the first picks the endpoint, the second the dialect, the
// third how the rest is cut into pieces. However it is cut, the same end comes out, a cut never
// lies behind what was fed, and what has ended stays so.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/dialect/stream_end.hpp"

namespace {

using namespace farebox;

std::unique_ptr<StreamEnd> fed(const Route& route, DialectName dialect, std::string_view stream,
                               std::size_t step) {
  BodyFacts facts;
  facts.asks_usage = true;
  auto end = stream_end(route, dialect, facts);
  while (end && !stream.empty()) {
    const std::string_view piece = stream.substr(0, std::min(step, stream.size()));
    if (end->feed(piece) > piece.size()) std::abort();
    stream.remove_prefix(piece.size());
  }
  return end;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  Route route;
  route.endpoint = static_cast<Endpoint>(data[0] % (static_cast<int>(Endpoint::described) + 1));
  const auto dialect =
      static_cast<DialectName>(data[1] % (static_cast<int>(DialectName::ollama) + 1));
  const std::string_view stream(reinterpret_cast<const char*>(data) + 3, size - 3);
  Usage usage;
  usage.input = 3;
  usage.output = 2;
  const auto whole = fed(route, dialect, stream, std::max<std::size_t>(1, stream.size()));
  if (!whole) return 0;
  const auto pieces = fed(route, dialect, stream, 1 + data[2] % 64);
  const auto last = whole->end(usage);
  const auto same = pieces->end(usage);
  if (whole->ended() != pieces->ended()) std::abort();
  if (whole->between_events() != pieces->between_events()) std::abort();
  // Lines of JSON that are cut have their long strings left out.
  const bool lines = stream.find_first_of("{[") == stream.find_first_not_of(" \t\r\n");
  if (!lines && last != same) std::abort();
  if (last && whole->between_events() && route.endpoint != Endpoint::invoke) {
    whole->feed(*last);
    const auto again = whole->end(usage);
    if (again && !last->empty() && !again->empty() && whole->ended()) std::abort();
  }
  return 0;
}
