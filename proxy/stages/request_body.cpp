#include "proxy/stages/request_body.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

using What = http::BodyReader::What;

// What one read of a body may bring.
constexpr std::size_t kReadSize = 64 << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

awaitable<bool> send_continue(ClientConnection& client, Call& call) {
  if (!call.continue_owed) co_return true;
  call.continue_owed = false;
  const asio::const_buffer words[] = {asio::buffer(kContinue)};
  co_return co_await client.send(words, call.deadline);
}

Error too_slow_body() {
  return Error(ErrorCode::request_timeout, Fault::client, Retry::yes,
               "the body stalled longer than limits.body_timeout, or came slower than 1 KiB a "
               "second");
}

awaitable<Result<void>> read_whole_body(ClientConnection& client, Call& call) {
  const LimitSettings& limits = client.services().settings.limits;
  Channel& channel = client.channel();
  Admission& admission = client.services().admission;
  call.reservation =
      BufferedOctets(admission.buffered_octets, admission.memory.body_room(limits.buffered_bodies));
  if (!co_await send_continue(client, call)) co_return Error(ErrorCode::client_closed);
  BodyPace pace(client.now(), limits.body_timeout);
  while (true) {
    std::string_view input = channel.received();
    const std::size_t before = input.size();
    What what = What::need_more;
    do {
      const auto step = call.body_reader.next(input);
      what = step.what;
      const bool too_large = what == What::chunk_begin && step.size > limits.body;
      if (what != What::data && !too_large) continue;
      const std::uint64_t size = call.body.size() + step.data.size();
      if (too_large || size > limits.body) {
        co_return Error(ErrorCode::request_too_large, Fault::client, Retry::no,
                        "the body is larger than limits.body allows");
      }
      if (!call.reservation.grow_to(size)) {
        client.worker().note_shed("buffered_bodies", "request bodies find no room",
                                  "limits.buffered_bodies, or a quarter of limits.memory");
        co_return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
                        "too many request bodies are held at once (limits.buffered_bodies)");
      }
      call.body.append(step.data);
    } while (what != What::need_more && what != What::end && what != What::broken);
    channel.consume(before - input.size());
    if (what == What::end) co_return Result<void>();
    if (what == What::broken) {
      co_return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                      "the body's chunked framing is broken");
    }
    if (before != 0) pace.came(client.now(), before - input.size());

    if (client.cut_off()) co_return Error(ErrorCode::draining);
    if (client.left()) {
      if (channel.end_reason() == asio::error::eof) {
        co_return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                        "the body ends before its announced length");
      }
      co_return Error(ErrorCode::client_closed);
    }
    const SteadyTime until = std::min(pace.until(), call.deadline);
    if (client.now() >= until) co_return too_slow_body();
    channel.read_more(std::min<std::size_t>(kReadSize, 4096 + call.body.size()));
    co_await client.wait(until);
  }
}

}  // namespace farebox::stages
