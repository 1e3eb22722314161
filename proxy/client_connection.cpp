#include "proxy/client_connection.hpp"

#include "proxy/exchange.hpp"
#include "proxy/worker.hpp"

namespace farebox {
namespace {

// An idle connection costs this much; a head of usual size fits.
constexpr std::size_t kReceiveReserve = 4 << 10;
// How much a client may send ahead while its request is being served.
constexpr std::size_t kReadAhead = 32 << 10;
// A client gets this long to read our last words before its unread octets reset it.
constexpr std::chrono::milliseconds kLinger{1'000};
constexpr std::uint64_t kLingerOctets = 1 << 20;

}  // namespace

ClientConnection::ClientConnection(Worker& worker, std::unique_ptr<ByteStream> stream,
                                   std::size_t peer)
    : worker_(worker),
      deadline_(worker.executor(), wake_),
      channel_(std::make_unique<Channel>(std::move(stream), kReceiveReserve)),
      peer_(peer) {
  channel_->attach(&wake_);
}

Services& ClientConnection::services() {
  return tenure_ != nullptr ? tenure_->services() : worker_.services();
}

ClientConnection::RequestTime::RequestTime(ClientConnection& client) : client_(client) {
  client_.tenure_ = &client_.worker_.tenures().join();
}

ClientConnection::RequestTime::~RequestTime() {
  Tenure& tenure = *client_.tenure_;
  client_.tenure_ = nullptr;
  client_.worker_.tenures().leave(tenure);
}

SteadyTime ClientConnection::now() const { return worker_.services().clock.steady_now(); }

std::string_view ClientConnection::take_head(std::size_t length) {
  head_text_.assign(channel_->received().substr(0, length));
  channel_->consume(length);
  return head_text_;
}

awaitable<void> ClientConnection::run() {
  try {
    After after = After::keep_alive;
    while (after == After::keep_alive) after = co_await run_exchange(*this);
    if (reset_at_end_) {
      channel_->reset();
    } else if (!channel_->ended() && !cut_) {
      co_await close_gently();
    }
  } catch (const std::exception& error) {
    channel_->reset();  // what was sent so far must not look whole
    worker_.note_exception("a request ended with an exception", error);
  }
  channel_->close();
  deadline_.stop();
  while (channel_->busy() || !deadline_.idle()) {
    try {
      if (!wake_.take()) co_await wake_.wait();
    } catch (const std::bad_alloc&) {
      // What is in flight refers to this object: there is no other way than once more.
    }
    wake_.take();
  }
}

awaitable<void> ClientConnection::wait(SteadyTime until) {
  if (channel_->received().size() < kReadAhead) channel_->read_more();
  if (wake_.take()) co_return;
  co_await deadline_.wait_until(until);
  wake_.take();
}

SteadyTime ClientConnection::Stall::ends() {
  const std::uint64_t written = client_.channel_->octets_written();
  if (written != written_) {
    written_ = written;
    since_ = client_.now();
  }
  return since_ + client_.services().settings.limits.idle_timeout;
}

awaitable<bool> ClientConnection::send(ByteStream::Buffers data, SteadyTime until) {
  channel_->send(data);
  if (!channel_->sending()) co_return !channel_->broken();  // as nearly always
  Stall stall(*this);
  while (channel_->sending()) {
    if (left() || cut_ || now() >= std::min(until, stall.ends())) {
      // The buffers are the caller's: end the write before they go.
      channel_->close();
      while (channel_->sending()) {
        if (!wake_.take()) co_await wake_.wait();
      }
      co_return false;
    }
    try {
      co_await wait(std::min(until, stall.ends()));
    } catch (...) {
      channel_->close();  // as above; once it is closed nobody looks at them
      throw;
    }
  }
  co_return !channel_->broken();
}

// Closing with octets unread makes the kernel send a reset, which can destroy an
// answer the client has not read yet. So: FIN, then read and forget for a moment.
awaitable<void> ClientConnection::close_gently() {
  channel_->shutdown_send();
  const SteadyTime until = now() + kLinger;
  const std::uint64_t most = channel_->octets_read() + kLingerOctets;
  while (!channel_->ended() && !cut_ && now() < until && channel_->octets_read() < most) {
    channel_->consume(channel_->received().size());
    co_await wait(until);
  }
}

// Both wake the coroutine through the timer, never inside the call: it might end other
// connections while the worker walks over all of them.
void ClientConnection::drain() {
  draining_ = true;
  deadline_.arm(now());
}

void ClientConnection::cut() {
  draining_ = true;
  cut_ = true;
  deadline_.arm(now());
}

}  // namespace farebox
