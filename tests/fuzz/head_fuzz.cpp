// Heads and what follows them, of any octets: the first octet says into how long pieces the
// rest is cut. Cutting must change nothing, and what we write afresh behind an accepted head
// must be accepted again and mean the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "proxy/headers.hpp"
#include "tests/support/http_transcript.hpp"
#include "tests/support/make_provider.hpp"

namespace {

using namespace farebox;
using testing::every;

constexpr http::HeadLimits kLimits{1024, 4096, 50};

void require(bool holds) {
  if (!holds) std::abort();
}

const Provider& provider() {
  static const auto made = testing::make_provider("p", DialectName::openai, "https://api.test", {"sk-1"});
  return *made;
}

bool is_rewritten(std::string_view name) {
  for (const char* own : {"host", "accept-encoding", "content-length", "transfer-encoding", "authorization",
                          "x-api-key", "api-key", "x-goog-api-key", "max-forwards", "via"}) {
    if (http::equals_ignoring_case(name, own)) return true;
  }
  return false;
}

// Every field of `written` that isn't ours stood in `read`, in this order.
void require_kept(const std::vector<http::Field>& written, const std::vector<http::Field>& read) {
  auto at = read.begin();
  for (const http::Field& field : written) {
    if (is_rewritten(field.name)) continue;
    at = std::find_if(at, read.end(), [&](const http::Field& other) {
      return other.name == field.name && other.value == field.value;
    });
    require(at != read.end());
    ++at;
  }
}

void check_request(std::string_view text) {
  http::HeadScanner scanner(kLimits);
  const auto length = scanner.find_end(text);
  http::RequestHead head;
  if (!length || *length == 0) return;
  if (!http::parse_request(text.substr(0, *length), kLimits, head)) return;
  const OutgoingFraming framing{head.framing, head.content_length};
  const Secret key("sk-1");
  std::string out;
  write_request_head(out, {head, provider(), head.target, framing, &key, "1.1 farebox-f"});
  http::RequestHead again;
  require(bool(http::parse_request(out, {1 << 20, 1 << 20, 1000}, again)));
  require(again.method == head.method && again.target == head.target);
  require(again.minor_version == 1 && again.keep_alive && !again.expects_continue && !again.asks_websocket);
  require(again.framing == head.framing && again.content_length == head.content_length);
  require(again.host == "api.test" && again.value("authorization") == "Bearer sk-1");
  require_kept(again.fields, head.fields);
}

void check_answer(std::string_view text) {
  http::HeadScanner scanner(kLimits);
  const auto length = scanner.find_end(text);
  http::ResponseHead head;
  if (!length || *length == 0) return;
  if (!http::parse_response(text.substr(0, *length), "POST", kLimits, head)) return;
  std::string out;
  write_response_head(out, {head, provider(), "POST", {head.framing, head.content_length}, "r1"});
  out += "\r\n";
  require(out.find("sk-1") == std::string::npos);
  http::ResponseHead again;
  require(bool(http::parse_response(out, "POST", {1 << 20, 1 << 20, 1000}, again)));
  require(again.status == head.status);
  require(again.reason == head.reason || head.reason.find("sk-1") != head.reason.npos);
  require(again.framing == head.framing);
  require(again.framing != http::Framing::length || again.content_length == head.content_length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const testing::Cuts cuts = every(text.size(), 1 + data[0] % 32);
  require(testing::requests_of(text, {}, kLimits) == testing::requests_of(text, cuts, kLimits));
  require(testing::answers_of(text, "POST", {}, kLimits) == testing::answers_of(text, "POST", cuts, kLimits));
  check_request(text);
  check_answer(text);
  return 0;
}
