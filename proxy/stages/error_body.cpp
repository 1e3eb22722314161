#include "proxy/stages/error_body.hpp"

#include <algorithm>

#include "proxy/client_connection.hpp"
#include "proxy/http/body_reader.hpp"
#include "proxy/provider.hpp"

namespace farebox::stages {
namespace {

using What = http::BodyReader::What;

constexpr std::size_t kMostOctets = 64 << 10;
constexpr std::chrono::seconds kMostTime{2};

}  // namespace

bool may_hint(const http::ResponseHead& head) {
  const bool rate = head.status == 429 || head.status == 503;
  return rate && head.value("content-type").find("json") != std::string_view::npos;
}

awaitable<std::string> read_error_body(ClientConnection& client, const Call& call,
                                       Attempt& answered) {
  Channel& upstream = answered.channel();
  const SteadyTime until = std::min(client.now() + kMostTime, call.deadline);
  http::BodyReader body(answered.head.framing, answered.head.content_length);
  std::string content;
  std::size_t seen = 0;
  while (true) {
    std::string_view input = upstream.received().substr(seen);
    What what = What::need_more;
    do {
      const http::BodyReader::Step step = body.next(input);
      what = step.what;
      content += step.data;
    } while (what != What::need_more && what != What::end && what != What::broken);
    seen = upstream.received().size() - input.size();
    if (what != What::need_more || upstream.ended() || must_stop(client, call) ||
        seen > kMostOctets || client.now() >= until) {
      co_return content;
    }
    upstream.read_more();
    co_await client.wait(until);
  }
}

}  // namespace farebox::stages
