// read head: one strict, complete head from the client, or a reason to refuse it.
#include <boost/asio/error.hpp>

#include "proxy/stages/stages.hpp"

#include "proxy/http/text.hpp"

namespace farebox::stages {
namespace {

// RFC 9112, 2.2: an empty line before a request is ignored; more than a few are not
// a client's slip any more.
constexpr int kMaxEmptyLines = 4;

}  // namespace

awaitable<Result<bool>> read_head(ClientConnection& client, http::RequestHead& head) {
  const LimitSettings said = client.services().settings.limits;  // a reload may come meanwhile
  const http::HeadLimits limits{said.request_line, said.head, said.header_fields};
  http::HeadScanner scanner(limits);
  Channel& channel = client.channel();
  channel.shrink();
  head.clear();

  int empty_lines = 0;
  // A TLS handshake is a part of the first head; once it is done the client may be silent.
  bool shaking_hands = !channel.ready();
  const SteadyTime idle_until = client.now() + said.idle_timeout;
  SteadyTime deadline = shaking_hands ? client.now() + said.head_timeout : idle_until;
  bool begun = false;
  bool line_checked = false;
  while (true) {
    while (channel.received().starts_with("\r\n")) {
      if (++empty_lines > kMaxEmptyLines) {
        co_return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                        "empty lines where a request should begin");
      }
      channel.consume(2);
      scanner.reset();
    }
    const std::string_view received = channel.received();
    if (!received.empty()) {
      // A first octet that no method has: another protocol, TLS for example.
      if (!http::is_tchar(received.front()) && received.front() != '\r') {
        // RFC 8446, 5.1: a TLS handshake begins with a record of type 22.
        const bool tls = received.front() == '\x16';
        co_return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                        tls ? "the client speaks TLS to a port that speaks plain HTTP; write http:// "
                              "instead of https:// in its base URL"
                            : "this is not an HTTP/1.1 request; check what the client speaks");
      }
      const auto length = scanner.find_end(received);
      if (!length) co_return length.error();
      if (*length != 0) {
        const auto parsed = http::parse_request(client.take_head(*length), limits, head);
        if (!parsed) co_return parsed.error();
        co_return true;
      }
      // A request of HTTP/0.9 has no more than its line; waiting for the rest helps nobody.
      const std::size_t line_end = line_checked ? std::string_view::npos : received.find("\r\n");
      if (line_end != std::string_view::npos) {
        line_checked = true;
        if (const auto good = http::check_request_line(received.substr(0, line_end)); !good) {
          co_return good.error();
        }
      }
      if (!begun) {
        begun = true;
        deadline = client.now() + said.head_timeout;
      }
    } else if (client.draining()) {
      co_return false;
    }
    if (client.left() || client.cut_off()) {
      if (received.empty() || client.cut_off() || channel.end_reason() != asio::error::eof) {
        co_return false;
      }
      co_return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                      "the request ends before its head does");
    }
    if (client.now() >= deadline && shaking_hands && channel.ready() && !begun) {
      shaking_hands = false;
      deadline = idle_until;
    }
    if (client.now() >= deadline) {
      if (!begun) co_return false;
      co_return Error(ErrorCode::request_timeout, Fault::client, Retry::yes,
                      "the request head took longer than limits.head_timeout");
    }
    channel.read_more();
    co_await client.wait(deadline);
  }
}

}  // namespace farebox::stages
