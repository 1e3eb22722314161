#include "proxy/admin.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <set>

#include "proxy/admin_access.hpp"
#include "proxy/channel.hpp"
#include "proxy/deadline.hpp"
#include "proxy/http/body_reader.hpp"
#include "proxy/http/text.hpp"

namespace farebox {
namespace {

constexpr std::chrono::seconds kRequestTime{10};
constexpr std::chrono::seconds kIdleTime{60};
constexpr std::size_t kMaxConnections = 256;
constexpr std::size_t kMaxBody = 1 << 20;
constexpr std::size_t kWorthCompressing = 1 << 10;
const http::HeadLimits kLimits{16 << 10, 32 << 10, 100};

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && http::hex_value(text[i + 1]) >= 0 &&
               http::hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(http::hex_value(text[i + 1]) * 16 + http::hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> parse_query(std::string_view query) {
  std::map<std::string, std::string> parameters;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (!pair.empty()) {
      parameters[decode(pair.substr(0, equals))] =
          equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1));
    }
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return parameters;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

// gzip (RFC 1952); empty when it can't be done, and the answer goes as it is.
std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return done ? out : std::string();
}

}  // namespace

struct AdminServer::Impl : std::enable_shared_from_this<AdminServer::Impl> {
  Impl(asio::io_context& io, int listener, bool ipv6, std::function<AdminView()> view_now,
       const Clock& time)
      : context(io),
        acceptor(io, ipv6 ? tcp::v6() : tcp::v4(), listener),
        look(std::move(view_now)),
        clock(time) {}

  struct Connection {
    Connection(const Executor& executor, std::unique_ptr<ByteStream> stream)
        : deadline(executor, wake), channel(std::move(stream), 4 << 10) {
      channel.attach(&wake);
    }
    Event wake;
    Deadline deadline;
    Channel channel;
    SteadyTime active{};  // begin of its last request

    awaitable<void> wait(SteadyTime until) {
      channel.read_more();
      if (wake.take()) co_return;
      co_await deadline.wait_until(until);
      wake.take();
    }
  };

  static awaitable<void> accept(std::shared_ptr<Impl> self) {
    while (!self->stopping) {
      error_code ec;
      Socket socket(self->context);
      co_await self->acceptor.async_accept(socket, asio::redirect_error(use_awaitable, ec));
      if (ec == asio::error::operation_aborted || self->stopping) co_return;
      if (ec) {
        Timer pause(self->context, std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::redirect_error(use_awaitable, ec));
        continue;
      }
      if (self->connections.size() >= kMaxConnections) {
        // A probe must get through whatever sits there: the longest idle one goes.
        Connection* const oldest = *std::min_element(
            self->connections.begin(), self->connections.end(),
            [](const Connection* a, const Connection* b) { return a->active < b->active; });
        oldest->channel.close();
      }
      asio::co_spawn(self->context, serve(self, std::move(socket)), asio::detached);
    }
  }

  static awaitable<void> serve(std::shared_ptr<Impl> self, Socket socket) {
    Connection connection(self->context.get_executor(), make_plain_stream(std::move(socket)));
    self->connections.insert(&connection);
    bool go_on = true;
    while (go_on && !self->stopping) go_on = co_await self->exchange(connection);
    self->connections.erase(&connection);
    connection.channel.close();
    connection.deadline.stop();
    while (connection.channel.busy() || !connection.deadline.idle()) {
      if (!connection.wake.take()) co_await connection.wake.wait();
      connection.wake.take();
    }
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
        if (!length) co_return co_await refuse(connection, 400, length.error().context);
        if (*length != 0) {
          head_text.assign(channel.received().substr(0, *length));
          channel.consume(*length);
          break;
        }
      }
      if (channel.ended() || stopping || now() >= until) co_return false;
      co_await connection.wait(until);
    }
    const auto parsed = http::parse_request(head_text, kLimits, head);
    if (!parsed) co_return co_await refuse(connection, 400, parsed.error().context);

    // No route takes a body yet; what comes is read and forgotten, within bounds.
    http::BodyReader body(head.framing, head.content_length);
    if (head.framing == http::Framing::length && head.content_length > kMaxBody) {
      co_return co_await refuse(connection, 413, "the body is too large");
    }
    while (!body.done()) {
      std::string_view input = channel.received();
      const std::size_t before = input.size();
      const auto step = body.next(input);
      channel.consume(before - input.size());
      if (step.what == http::BodyReader::What::broken || body.octets() > kMaxBody) {
        co_return co_await refuse(connection, 400, "the body can't be read");
      }
      if (step.what != http::BodyReader::What::need_more) continue;
      if (channel.ended() || now() >= until) co_return false;
      co_await connection.wait(until);
    }

    const std::string_view path = head.target.substr(0, head.target.find('?'));
    AdminRequest request;
    request.method = head.method;
    request.path = path;
    request.accept = head.value("accept");
    if (path.size() < head.target.size()) {
      request.query = parse_query(head.target.substr(path.size() + 1));
    }
    const AdminView view = look();
    const auto refused = refuse_admin(view.services.settings.admin, head, path);
    AdminAnswer answer;
    if (refused) {
      answer = *refused;
    } else if (reads_disk(path)) {
      answer = co_await answer_beside(connection, view, request);
    } else {
      answer = answer_admin(view, request);
    }
    co_return co_await send(connection, head, std::move(answer), head.keep_alive);
  }

  // On the reader's thread. Whoever leaves meanwhile is noticed when the answer is there.
  awaitable<AdminAnswer> answer_beside(Connection& connection, const AdminView& view,
                                       const AdminRequest& request) {
    AdminAnswer answer;
    bool done = false;
    asio::post(reader, [&] {
      answer = answer_admin(view, request);
      asio::post(context, [&] {
        done = true;
        connection.wake.set();
      });
    });
    while (!done) {
      if (!connection.wake.take()) co_await connection.wake.wait();
      connection.wake.take();
    }
    co_return answer;
  }

  awaitable<bool> refuse(Connection& connection, int status, std::string_view why) {
    http::RequestHead none;
    co_await send(connection, none, admin_error(status, "bad_request", why), false);
    co_return false;
  }

  awaitable<bool> send(Connection& connection, const http::RequestHead& head, AdminAnswer answer,
                       bool keep) {
    std::string_view encoding;
    if (answer.body.size() > kWorthCompressing &&
        http::list_holds(head.value("accept-encoding"), "gzip")) {
      std::string packed = gzip(answer.body);
      if (!packed.empty()) {
        answer.body = std::move(packed);
        encoding = "Content-Encoding: gzip\r\n";
      }
    }
    const std::string out = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}Content-Length: {}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n{}{}\r\n",
        answer.status, reason_of(answer.status), answer.content_type, encoding, answer.body.size(),
        answer.status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
        keep ? "" : "Connection: close\r\n");
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
  std::set<Connection*> connections;
  bool stopping = false;
  asio::thread_pool reader{1};  // for what reads from disk
};

AdminServer::AdminServer(asio::io_context& context, int listener, bool ipv6,
                         std::function<AdminView()> look, const Clock& clock)
    : impl_(std::make_shared<Impl>(context, listener, ipv6, std::move(look), clock)) {}

// The reader works on what coroutines own: it ends before they do.
AdminServer::~AdminServer() { impl_->reader.join(); }

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
