#include "proxy/health_check.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "proxy/headers.hpp"
#include "proxy/provider_state.hpp"
#include "proxy/upstream_slots.hpp"

namespace farebox {
namespace {

using What = http::BodyReader::What;

constexpr http::HeadLimits kLimits{16 << 10, 64 << 10, 256};
constexpr std::uint64_t kMostBody = 1 << 20;  // a longer one costs the connection
constexpr int kMaxInterim = 16;

// GET of the path, as if a client had asked for it, with nothing of a client's in it.
std::string request_for(const Provider& provider) {
  const HealthCheckSettings& check = provider.settings.health_check;
  http::RequestHead head;
  head.method = check.method;
  const std::string target = provider.base_path + check.path;
  const bool with_key = check.send_key && provider.has_keys();
  std::string out;
  write_request_head(out, {head, provider, target, {},
                           with_key ? &provider.settings.api_keys.front() : nullptr, ""});
  return out;
}

}  // namespace

std::shared_ptr<HealthCheck> HealthCheck::begin(Executor executor,
                                                std::shared_ptr<UpstreamPool> pool,
                                                const Clock& clock) {
  const auto check = std::make_shared<HealthCheck>(executor, std::move(pool), clock);
  asio::co_spawn(executor, run(check), asio::detached);
  return check;
}

void HealthCheck::cancel() {
  if (!pool_) return;  // it has ended
  cancelled_ = true;
  deadline_.arm(clock_.steady_now());
}

awaitable<void> HealthCheck::run(std::shared_ptr<HealthCheck> self) {
  const Provider& provider = self->pool_->provider();
  self->until_ = self->clock_.steady_now() + provider.settings.health_check.timeout;
  const Result<int> status = co_await self->ask();
  if (self->connection_) {
    if (self->reusable_) {
      self->pool_->give_back(std::move(self->connection_));
    } else {
      self->pool_->drop(std::move(self->connection_));
    }
  }
  // For want of a descriptor or a connection of ours nobody was asked: what was known of it stays.
  const bool asked = status || status.error().code != ErrorCode::overloaded;
  if (!self->cancelled_ && asked) {
    ProviderHealth health;
    health.at = self->clock_.wall_now();
    health.status = status ? *status : 0;
    health.ok = status && *status < 500;
    if (status) {
      health.latency = std::chrono::duration_cast<std::chrono::milliseconds>(self->head_at_ -
                                                                             self->sent_at_);
    }
    if (!health.ok) {
      health.why = status ? fmt::format("answered {}", *status) : status.error().context;
    }
    // To the breaker it says whether somebody is there: one that opened as nobody was is closed by
    // it, at its time.
    const SteadyTime now = self->clock_.steady_now();
    BreakerPass pass = provider.state->breakers().admit({}, now);
    pass.report(health.ok ? Failure::no_model
                          : status ? Failure::server_error : Failure::unreachable, now);
    provider.health->note(std::move(health));
  }
  self->deadline_.stop();
  while (!self->deadline_.idle()) {
    if (!self->wake_.take()) co_await self->wake_.wait();
    self->wake_.take();
  }
  self->pool_.reset();
}

Error HealthCheck::failure(std::string_view what) const {
  return Error(ErrorCode::upstream_unreachable, Fault::provider, Retry::yes,
               fmt::format("provider '{}' {}", pool_->provider().settings.name, what));
}

awaitable<void> HealthCheck::wait() {
  if (wake_.take()) co_return;
  co_await deadline_.wait_until(until_);
  wake_.take();
}

awaitable<Result<void>> HealthCheck::acquire() {
  connection_ = pool_->take_idle();
  if (connection_) co_return Result<void>();
  UpstreamPool::Waiter waiter;
  waiter.wake = &wake_;
  pool_->wait_for(waiter);
  while (!waiter.done) {
    if (over()) {
      const bool all_taken = pool_->provider().slots->wanted();
      pool_->forget(waiter);
      if (all_taken) co_return Error(ErrorCode::overloaded);
      co_return failure("gave no connection to the check in time");
    }
    co_await wait();
  }
  if (!waiter.connection) co_return waiter.error;
  connection_ = std::move(waiter.connection);
  co_return Result<void>();
}

awaitable<Result<int>> HealthCheck::ask() {
  const auto acquired = co_await acquire();
  if (!acquired) co_return acquired.error();
  Channel& channel = *connection_->channel;
  channel.attach(&wake_);
  request_ = request_for(pool_->provider());
  sent_at_ = clock_.steady_now();
  const asio::const_buffer pieces[] = {asio::buffer(request_)};
  channel.send(pieces);
  while (channel.sending() && !over()) co_await wait();
  if (channel.sending()) {
    channel.close();
    while (channel.sending()) {  // the request is referenced until then
      if (!wake_.take()) co_await wake_.wait();
    }
    co_return failure("took the check too slowly");
  }
  const auto status = co_await read_answer();
  co_return status;
}

awaitable<Result<int>> HealthCheck::read_answer() {
  Channel& channel = *connection_->channel;
  http::HeadScanner scanner(kLimits);
  int interim = 0;
  while (true) {
    const auto length = scanner.find_end(channel.received());
    if (!length) co_return failure("answered the check with what is no HTTP");
    if (*length != 0) {
      head_text_ = channel.received().substr(0, *length);
      channel.consume(*length);
      http::ResponseHead head;
      const std::string_view method = pool_->provider().settings.health_check.method;
      const auto parsed = http::parse_response(head_text_, method, kLimits, head);
      if (!parsed || head.status == 101 || (head.status < 200 && ++interim > kMaxInterim)) {
        co_return failure("answered the check with what is no HTTP");
      }
      if (head.status >= 200) {
        head_at_ = clock_.steady_now();
        const bool whole = co_await read_body(http::BodyReader(head.framing, head.content_length));
        reusable_ = whole && head.keep_alive;
        co_return head.status;
      }
      scanner.reset();
      continue;
    }
    if (channel.ended()) co_return failure("closed the connection instead of answering the check");
    if (over()) co_return failure("did not answer the check in time");
    channel.read_more();
    co_await wait();
  }
}

// What the check's answer says is nothing to anybody; it is only read to its end.
awaitable<bool> HealthCheck::read_body(http::BodyReader body) {
  Channel& channel = *connection_->channel;
  while (true) {
    std::string_view input = channel.received();
    const std::size_t before = input.size();
    What what = What::need_more;
    do {
      what = body.next(input).what;
    } while (what != What::need_more && what != What::end && what != What::broken);
    channel.consume(before - input.size());
    if (what == What::end) co_return true;
    if (what == What::broken || channel.ended() || over() || body.octets() > kMostBody) {
      co_return false;
    }
    channel.read_more();
    co_await wait();
  }
}

}  // namespace farebox
