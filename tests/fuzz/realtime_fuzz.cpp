// Realtime sessions of any messages, one a line: the first octet picks the protocol, and the
// lines that begin with '>' are the client's. A response is one unit at most, and what is
// reported must fit together.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/dialect/realtime_reader.hpp"

namespace {

using namespace farebox;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view session(reinterpret_cast<const char*>(data) + 1, size - 1);
  RealtimeReader reader(data[0] % 2 == 0 ? RealtimeProtocol::openai : RealtimeProtocol::gemini,
                        "model");
  std::size_t messages = 0, units = 0;
  Tokens input = 0, output = 0;
  RealtimeUnit unit;
  const auto pop = [&] {
    while (reader.next(unit)) {
      ++units;
      const Usage& usage = unit.reading.usage;
      require(usage.cached_input + usage.cache_write <= usage.input);
      require(usage.reasoning <= usage.output && usage.audio_output <= usage.output);
      require(usage.source != UsageSource::none || (usage.input == 0 && usage.output == 0));
      if (unit.kind == RealtimeUnit::Kind::response) {
        input += usage.input;
        output += usage.output;
      }
    }
  };
  while (!session.empty()) {
    std::string_view line = session.substr(0, session.find('\n'));
    session.remove_prefix(line.size() + (line.size() < session.size() ? 1 : 0));
    const bool sent = line.starts_with('>');
    if (sent) line.remove_prefix(1);
    reader.take(sent ? RealtimeReader::Direction::sent : RealtimeReader::Direction::received, line);
    ++messages;
    pop();
  }
  reader.finish();
  pop();
  require(units <= 2 * messages);
  require(reader.totals().input == input && reader.totals().output == output);
  return 0;
}
