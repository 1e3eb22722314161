// Content of any octets: the first octet picks the framing, the second into how long pieces
// the rest is cut. Cutting must change nothing, and what may pass as it lies must read again
// as the same content.
#include <cstdint>
#include <cstdlib>

#include "proxy/http/unchunk.hpp"
#include "tests/support/http_transcript.hpp"

namespace {

using namespace farebox;
using What = http::BodyReader::What;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::string content;
  What end = What::need_more;
  std::size_t left = 0;
  std::string passed;  // what a relay would send on

  bool operator==(const Outcome& other) const {
    return content == other.content && end == other.end && left == other.left;
  }
};

Outcome run(std::string_view octets, std::size_t step, http::Framing framing, std::uint64_t length) {
  http::BodyReader reader(framing, length);
  Outcome outcome;
  std::string received;
  const auto is_last = [](What what) {
    return what == What::need_more || what == What::end || what == What::broken;
  };
  for (const std::string& piece : testing::pieces(octets, testing::every(octets.size(), step))) {
    received += piece;
    const testing::ExactCopy seen(received);
    std::string_view input = seen.view();
    http::BodyReader::Step taken;
    do {
      const std::string_view before = input;
      taken = reader.next(input);
      require(input.size() <= before.size());
      outcome.content += taken.data;
      if (is_last(taken.what)) break;
      char size[20];
      if (taken.canonical) {
        outcome.passed += before.substr(0, before.size() - input.size());
      } else {
        outcome.passed.append(size, http::write_chunk_size(taken.size, size));
      }
    } while (true);
    received.erase(0, received.size() - input.size());
    outcome.end = taken.what;
    if (taken.what == What::broken) return outcome;  // what is left doesn't matter then
  }
  require(reader.octets() == outcome.content.size());
  if (outcome.end == What::end) outcome.left = received.size();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr http::Framing kFramings[] = {http::Framing::chunked, http::Framing::chunked, http::Framing::length,
                                         http::Framing::until_close};
  const http::Framing framing = kFramings[data[0] & 3];
  const std::uint64_t length = data[0] >> 2;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Outcome whole = run(octets, octets.size() + 1, framing, length);
  require(whole == run(octets, 1 + data[1] % 32, framing, length));
  if (framing == http::Framing::chunked && whole.end == What::end) {
    const Outcome again = run(whole.passed + "0\r\n\r\n", 1 << 20, framing, 0);
    require(again.end == What::end && again.content == whole.content && again.left == 0);
    require(again.passed == whole.passed);
  }
  if (framing == http::Framing::chunked) {
    const auto content = http::unchunk(octets);
    require(content.has_value() == (whole.end == What::end));
    require(!content || *content == whole.content);
  }
  if (framing == http::Framing::length) require(whole.content.size() <= length);
  return 0;
}
