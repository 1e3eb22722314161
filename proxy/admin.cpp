#include "proxy/admin.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/thread_pool.hpp>

#include <new>
#include <set>

#include "proxy/admin_access.hpp"
#include "proxy/admin_http.hpp"
#include "proxy/channel.hpp"
#include "proxy/deadline.hpp"
#include "proxy/handler_memory.hpp"
#include "proxy/http/body_reader.hpp"
#include "proxy/http/text.hpp"
#include "proxy/spare_descriptors.hpp"

namespace farebox {
namespace {

constexpr std::chrono::seconds kRequestTime{10};
constexpr std::chrono::seconds kIdleTime{60};
constexpr std::chrono::seconds kLinger{2};  // for what is on its way when it is refused
constexpr std::size_t kMaxBody = 1 << 20;
// How much a client may send ahead while its request is answered: nobody asked who it is.
constexpr std::size_t kReadAhead = 32 << 10;
// Requests that wait for one thread beside: a second or two of work.
constexpr std::size_t kMaxBeside = 64;
const http::HeadLimits kLimits{16 << 10, 32 << 10, 100};

// Refusals of what can't be read; the connection ends with them.
struct Unread {
  int status;
  std::string_view code;
};
constexpr Unread kBadRequest{400, "bad_request"};
constexpr Unread kTooSlow{408, "request_timeout"};
constexpr Unread kTooLarge{413, "request_too_large"};

std::string address_of(const Socket& socket) {
  error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  const auto family = peer.protocol().family();
  if (ec || (family != AF_INET && family != AF_INET6)) return {};
  return peer.address().to_string();
}

constexpr std::string_view kTooLargeWords = "the admin port reads bodies of up to 1 MiB; send less";
constexpr std::string_view kBusyWords =
    "64 requests wait here already, and are answered one after the other; try again in a moment";
static_assert(kMaxBeside == 64);

}  // namespace

struct AdminServer::Impl : std::enable_shared_from_this<AdminServer::Impl> {
  Impl(asio::io_context& io, int listener, bool ipv6, std::function<AdminView()> view_now,
       const Clock& time, std::size_t most)
      : context(io),
        acceptor(io, ipv6 ? tcp::v6() : tcp::v4(), listener),
        look(std::move(view_now)),
        clock(time),
        max_connections(most) {}

  struct Connection {
    Connection(const Executor& executor, std::unique_ptr<ByteStream> stream, std::string address)
        : from(std::move(address)), deadline(executor, wake), channel(std::move(stream), 4 << 10) {
      channel.attach(&wake);
    }
    const std::string from;  // the client's address; empty: a Unix socket's
    Event wake;
    Deadline deadline;
    Channel channel;
    HandlerMemory told;   // for the thread that answers beside
    SteadyTime active{};  // begin of its last request

    awaitable<void> wait(SteadyTime until) {
      if (channel.received().size() < kReadAhead) channel.read_more();
      if (wake.take()) co_return;
      co_await deadline.wait_until(until);
      wake.take();
    }
  };

  // A thread for what may take its time. How much waits for it is the main thread's to know.
  struct Beside {
    asio::thread_pool pool{1};
    std::size_t waiting = 0;
  };
  class Turn {
   public:
    explicit Turn(Beside& beside) : beside_(beside) { ++beside_.waiting; }
    ~Turn() { --beside_.waiting; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Beside& beside_;
  };

  static awaitable<void> accept(std::shared_ptr<Impl> self) {
    while (!self->stopping) {
      try {
        co_await accept_one(self);
      } catch (const std::exception&) {
        // No memory for one more; its socket is closed.
      }
    }
  }

  static awaitable<void> accept_one(std::shared_ptr<Impl> self) {
    error_code ec;
    Socket socket(self->context);
    co_await self->acceptor.async_accept(socket, asio::redirect_error(use_awaitable, ec));
    if (self->stopping) co_return;
    if (ec && self->spare.lend(self->acceptor.native_handle(), socket)) ec = {};
    if (ec) {
      Timer pause(self->context, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::redirect_error(use_awaitable, ec));
      co_return;
    }
    if (self->connections.size() >= self->max_connections) {
      // A probe must get through whatever sits there: the longest idle one goes.
      Connection* const oldest = self->oldest_open();
      if (oldest == nullptr) co_return;  // its socket closes
      oldest->channel.close();
    }
    asio::co_spawn(self->context, serve(self, std::move(socket)), asio::detached);
  }

  static awaitable<void> serve(std::shared_ptr<Impl> self, Socket socket) {
    std::string from = address_of(socket);
    Connection connection(self->context.get_executor(), make_plain_stream(std::move(socket)),
                          std::move(from));
    self->connections.insert(&connection);
    try {
      bool go_on = true;
      while (go_on && !self->stopping) go_on = co_await self->exchange(connection);
    } catch (const std::exception&) {
      connection.channel.reset();  // no memory, most likely; what was sent must not look whole
    }
    self->connections.erase(&connection);
    connection.channel.close();
    self->spare.take_back();
    connection.deadline.stop();
    while (connection.channel.busy() || !connection.deadline.idle()) {
      try {
        if (!connection.wake.take()) co_await connection.wake.wait();
      } catch (const std::bad_alloc&) {
        // What is in flight refers to the connection: there is no other way than once more.
      }
      connection.wake.take();
    }
  }

  // Null where there is none. Who was closed stays in the set until a thread has answered it.
  Connection* oldest_open() const {
    Connection* oldest = nullptr;
    for (Connection* const each : connections) {
      if (each->channel.closed()) continue;
      if (oldest == nullptr || each->active < oldest->active) oldest = each;
    }
    return oldest;
  }

  SteadyTime now() const { return clock.steady_now(); }

  // One request and its answer; false when the connection is to end.
  awaitable<bool> exchange(Connection& connection) {
    Channel& channel = connection.channel;
    http::HeadScanner scanner(kLimits);
    http::RequestHead head;
    std::string head_text;
    connection.active = now();
    SteadyTime until = now() + kIdleTime;
    bool begun = false;
    while (head_text.empty()) {
      if (!channel.received().empty()) {
        if (!begun) until = now() + kRequestTime;
        begun = true;
        const auto length = scanner.find_end(channel.received());
        if (!length) co_return co_await refuse(connection, kBadRequest, length.error().context);
        if (*length != 0) {
          head_text.assign(channel.received().substr(0, *length));
          channel.consume(*length);
          break;
        }
      }
      if (channel.ended() || stopping || now() >= until) co_return false;
      channel.read_more();  // bounded by the scanner
      co_await connection.wait(until);
    }
    const auto parsed = http::parse_request(head_text, kLimits, head);
    if (!parsed) co_return co_await refuse(connection, kBadRequest, parsed.error().context);

    const std::string_view path = head.target.substr(0, head.target.find('?'));
    const auto refused = refuse_admin(look().services.settings.admin, head, path);
    // The body of a request that is refused is read, so that the answer arrives, and not kept.
    std::string content;
    http::BodyReader body(head.framing, head.content_length);
    if (head.framing == http::Framing::length && head.content_length > kMaxBody) {
      co_return co_await refuse(connection, kTooLarge, kTooLargeWords);
    }
    while (!body.done()) {
      std::string_view input = channel.received();
      const std::size_t before = input.size();
      const auto step = body.next(input);
      if (step.what == http::BodyReader::What::data && !refused) content += step.data;
      channel.consume(before - input.size());
      if (step.what == http::BodyReader::What::broken) {
        co_return co_await refuse(connection, kBadRequest, "the body's framing is broken");
      }
      if (body.octets() > kMaxBody) {
        co_return co_await refuse(connection, kTooLarge, kTooLargeWords);
      }
      if (step.what != http::BodyReader::What::need_more) continue;
      if (channel.ended()) co_return false;
      if (now() >= until) {
        co_return co_await refuse(connection, kTooSlow, "the body didn't come within 10 seconds");
      }
      co_await connection.wait(until);
    }

    AdminRequest request;
    request.method = head.method;
    request.path = path;
    request.accept = head.value("accept");
    request.content_type = head.value("content-type");
    request.body = content;
    const bool has_token = !look().services.settings.admin.token.empty();
    request.actor = {has_token ? "admin" : "loopback", connection.from};
    if (path.size() < head.target.size()) {
      request.query = parse_admin_query(head.target.substr(path.size() + 1));
    }
    const AdminView view = look();
    AdminAnswer answer;
    if (refused) {
      answer = *refused;
    } else if (reads_disk(path)) {
      Beside& beside = calls_others(path) ? caller : reader;
      answer = co_await answer_beside(beside, connection, view, request);
    } else {
      answer = answer_admin(view, request);
    }
    co_return co_await send(connection, head, std::move(answer), head.keep_alive);
  }

  // On the thread beside. Whoever leaves meanwhile is noticed when the answer is there.
  awaitable<AdminAnswer> answer_beside(Beside& beside, Connection& connection,
                                       const AdminView& view, const AdminRequest& request) {
    if (beside.waiting >= kMaxBeside) co_return admin_error(503, "overloaded", kBusyWords);
    const Turn turn(beside);
    AdminAnswer answer;
    bool done = false;
    asio::post(beside.pool, [&] {
      try {
        answer = answer_admin(view, request);
      } catch (const std::exception&) {
        answer = AdminAnswer();
        answer.status = 500;
      }
      asio::post(context, connection.told.bind([&connection, &done] {
        done = true;
        connection.wake.set();
      }));
    });
    while (!done) {
      try {
        if (!connection.wake.take()) co_await connection.wake.wait();
      } catch (const std::bad_alloc&) {
        // The thread works with what is here: there is no other way than once more.
      }
      connection.wake.take();
    }
    co_return answer;
  }

  awaitable<bool> refuse(Connection& connection, const Unread& refusal, std::string_view why) {
    http::RequestHead none;
    co_await send(connection, none, admin_error(refusal.status, refusal.code, why), false);
    // Octets that nobody reads would end the connection with a reset, which the answer may
    // not survive (RFC 9112, 9.6).
    Channel& channel = connection.channel;
    channel.shutdown_send();
    const SteadyTime until = now() + kLinger;
    while (!channel.ended() && !channel.closed() && !stopping && now() < until) {
      channel.consume(channel.received().size());
      co_await connection.wait(until);
    }
    co_return false;
  }

  awaitable<bool> send(Connection& connection, const http::RequestHead& head, AdminAnswer answer,
                       bool keep) {
    const std::string out = write_answer_head(
        answer, http::list_holds(head.value("accept-encoding"), "gzip"), keep);
    const bool bodiless = head.method == "HEAD";
    const asio::const_buffer pieces[] = {
        asio::buffer(out), asio::buffer(answer.body.data(), bodiless ? 0 : answer.body.size())};
    const SteadyTime until = now() + kRequestTime;
    connection.channel.send(pieces);
    while (connection.channel.sending()) {
      if (connection.channel.ended() || now() >= until) connection.channel.close();
      if (connection.channel.closed()) {
        if (!connection.wake.take()) co_await connection.wake.wait();
      } else {
        co_await connection.wait(until);
      }
    }
    co_return keep && !connection.channel.broken() && !connection.channel.closed();
  }

  asio::io_context& context;
  asio::basic_socket_acceptor<tcp, Executor> acceptor;
  const std::function<AdminView()> look;
  const Clock& clock;
  const std::size_t max_connections;
  std::set<Connection*> connections;
  bool stopping = false;
  SpareDescriptors spare;  // probes get through when clients have all others
  Beside reader;  // for what reads from disk
  Beside caller;  // for what calls others, whom nobody here may wait for
};

AdminServer::AdminServer(asio::io_context& context, int listener, bool ipv6,
                         std::function<AdminView()> look, const Clock& clock,
                         std::size_t max_connections)
    : impl_(std::make_shared<Impl>(context, listener, ipv6, std::move(look), clock,
                                   max_connections)) {}

// Both work on what coroutines own: they end before those do.
AdminServer::~AdminServer() {
  impl_->reader.pool.join();
  impl_->caller.pool.join();
}

void AdminServer::start() {
  asio::co_spawn(impl_->context, Impl::accept(impl_), asio::detached);
}

void AdminServer::stop() {
  impl_->stopping = true;
  error_code ignored;
  impl_->acceptor.close(ignored);
  const auto open = impl_->connections;
  for (Impl::Connection* connection : open) connection->wake.set();
}

}  // namespace farebox
