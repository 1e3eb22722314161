// The AWS event-stream splitter and Bedrock's reader on any octets: the first octet says into
// how long pieces the rest is cut, the second whether the checksums are made right first, so
// that what lies behind them is reached. Cutting must change nothing, and what is reported
// must fit together.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/dialect/aws_event_stream.hpp"
#include "proxy/dialect/dialect.hpp"

namespace {

using namespace farebox;

std::uint32_t number_at(std::string_view text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(text[at + i]);
  return value;
}

void put_checksum(std::string& text, std::size_t from, std::size_t to) {
  const auto sum = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data() + from), static_cast<uInt>(to - from)));
  for (std::size_t i = 0; i < 4; ++i) text[to + i] = static_cast<char>(sum >> (24 - 8 * i));
}

std::string with_right_checksums(std::string_view stream) {
  std::string text(stream);
  for (std::size_t at = 0; text.size() - at >= 16;) {
    const std::size_t total = number_at(text, at);
    if (total < 16 || total > text.size() - at) break;
    put_checksum(text, at, at + 8);
    put_checksum(text, at, at + total - 4);
    at += total;
  }
  return text;
}

struct Outcome {
  std::string events;
  bool complete = false;
  Reading reading;
};

Outcome run(std::string_view stream, std::size_t step) {
  Outcome outcome;
  AwsEventSplitter splitter;
  Route route;
  route.endpoint = Endpoint::invoke;
  const auto reader = dialect_for(DialectName::bedrock).reader(route, BodyFacts());
  while (!stream.empty()) {
    const std::string part(stream.substr(0, step));
    stream.remove_prefix(part.size());
    std::string_view piece = part;
    AwsEvent event;
    while (splitter.next(piece, event)) {
      outcome.events.append(event.type).append("\x1f").append(event.payload).append("\x1e");
    }
    reader->feed(part);
  }
  outcome.complete = splitter.complete();
  outcome.reading = reader->finish();
  return outcome;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[1] % 2 != 0) stream = with_right_checksums(stream);
  const Outcome whole = run(stream, stream.size());
  const Outcome cut = run(stream, 1 + data[0] % 64);
  require(whole.events == cut.events && whole.complete == cut.complete);
  const Usage& a = whole.reading.usage;
  const Usage& b = cut.reading.usage;
  require(a.source == b.source && a.input == b.input && a.output == b.output);
  require(a.cached_input == b.cached_input && a.cache_write == b.cache_write);
  require(a.images == b.images && a.extras.size() == b.extras.size());
  require(whole.reading.model == cut.reading.model && whole.reading.error == cut.reading.error);
  require(whole.reading.finish_reason == cut.reading.finish_reason);
  require(whole.reading.tool_calls == cut.reading.tool_calls);
  require(whole.reading.finished == cut.reading.finished);
  require(a.cached_input + a.cache_write <= a.input && a.reasoning <= a.output);
  require(a.source == UsageSource::reported || (a.input == 0 && a.output == 0));
  return 0;
}
