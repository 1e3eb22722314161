// The event-stream splitter and the usage filter on any octets: the first octet says into
// how long pieces the rest is cut. Cutting must change nothing, and the filter may only
// leave something out once.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/dialect/sse.hpp"
#include "proxy/dialect/usage_filter.hpp"

namespace {

using namespace farebox;

struct Outcome {
  std::string events;
  std::string filtered;
  bool removed = false;
};

Outcome run(std::string_view stream, std::size_t step) {
  Outcome outcome;
  SseSplitter splitter;
  UsageFilter filter;
  SseEvent event;
  const auto note = [&] {
    outcome.events.append(event.name).append("\x1f").append(event.data).append("\x1e");
  };
  while (!stream.empty()) {
    const std::string part(stream.substr(0, step));
    stream.remove_prefix(part.size());
    std::string_view piece = part;
    while (splitter.next(piece, event)) note();
    filter.feed(part, outcome.filtered);
  }
  if (splitter.finish(event)) note();
  filter.finish(outcome.filtered);
  outcome.removed = filter.removed();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = run(stream, stream.size());
  const Outcome cut = run(stream, 1 + data[0] % 64);
  if (whole.events != cut.events || whole.filtered != cut.filtered) std::abort();
  if (!whole.removed && whole.filtered != stream) std::abort();
  if (whole.filtered.size() > stream.size()) std::abort();
  return 0;
}
