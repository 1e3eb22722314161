#include "proxy/demo/demo_provider.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <pthread.h>

#include <thread>

#include "proxy/demo/demo_reply.hpp"
#include "proxy/http/body_reader.hpp"
#include "proxy/net.hpp"

namespace farebox {
namespace {

using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

constexpr std::chrono::milliseconds kPace{25};  // between two words of a stream
constexpr std::size_t kMostBody = 64 << 20;
const http::HeadLimits kLimits{16 << 10, 64 << 10, 400};

// One connection: requests in, answers out, until either side has enough.
class Conversation {
 public:
  Conversation(Socket socket, std::uint64_t& calls)
      : socket_(std::move(socket)), pause_(socket_.get_executor()), calls_(calls) {}

  awaitable<void> run() {
    bool going = true;
    while (going) {
      const bool whole = co_await read_request();
      if (!whole) co_return;
      DemoCall call = understand(request_);
      call.number = ++calls_;
      const DemoReply reply = reply_to(call, SystemClock().wall_now());
      going = co_await send(reply);
      going = going && keep_alive_;
    }
  }

 private:
  awaitable<bool> receive() {
    char octets[8 << 10];
    error_code ec;
    const std::size_t got = co_await socket_.async_read_some(
        asio::buffer(octets), asio::redirect_error(use_awaitable, ec));
    received_.append(octets, got);
    co_return !ec && got != 0;
  }

  // A request that breaks HTTP ends the connection: farebox sends none.
  awaitable<bool> read_request() {
    http::HeadScanner scanner(kLimits);
    std::size_t head_size = 0;
    while (head_size == 0) {
      const auto found = scanner.find_end(received_);
      if (!found) co_return false;
      head_size = *found;
      if (head_size != 0) break;
      const bool more = co_await receive();
      if (!more) co_return false;
    }
    http::RequestHead head;
    const std::string text = received_.substr(0, head_size);
    if (!http::parse_request(text, kLimits, head)) co_return false;
    received_.erase(0, head_size);
    request_ = DemoRequest();
    request_.method = head.method;
    request_.target = head.target;
    request_.content_type = head.value("content-type");
    request_.speaks_anthropic = head.has("anthropic-version");
    keep_alive_ = head.keep_alive;
    http::BodyReader body(head.framing, head.content_length);
    while (!body.done()) {
      std::string_view input = received_;
      auto what = http::BodyReader::What::data;
      while (what != http::BodyReader::What::need_more && !body.done()) {
        const auto step = body.next(input);
        what = step.what;
        if (what == http::BodyReader::What::broken) co_return false;
        request_.body += step.data;
      }
      received_.erase(0, received_.size() - input.size());
      if (request_.body.size() > kMostBody) co_return false;
      if (body.done()) break;
      const bool more = co_await receive();
      if (!more) co_return false;
    }
    co_return true;
  }

  awaitable<bool> write(std::string_view octets) {
    error_code ec;
    co_await asio::async_write(socket_, asio::buffer(octets),
                               asio::redirect_error(use_awaitable, ec));
    co_return !ec;
  }

  awaitable<bool> send(const DemoReply& reply) {
    const std::string_view reason = reply.status == 200   ? "OK"
                                    : reply.status == 404 ? "Not Found"
                                                          : "Bad Request";
    std::string out = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n", reply.status, reason,
                                  reply.content_type);
    if (!reply.stream) {
      const std::string& body = reply.pieces.front();
      out += fmt::format("Content-Length: {}\r\n\r\n", body.size());
      if (request_.method != "HEAD") out += body;
      co_return co_await write(out);
    }
    out += "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string& piece : reply.pieces) {
      char size[20];
      out.append(size, http::write_chunk_size(piece.size(), size));
      out += piece;
      out += "\r\n";
      const bool sent = co_await write(out);
      if (!sent) co_return false;
      out.clear();
      pause_.expires_after(kPace);
      error_code ec;
      co_await pause_.async_wait(asio::redirect_error(use_awaitable, ec));
    }
    co_return co_await write("0\r\n\r\n");
  }

  Socket socket_;
  Timer pause_;
  std::uint64_t& calls_;
  std::string received_;  // read and not used yet
  DemoRequest request_;
  bool keep_alive_ = true;
};

awaitable<void> converse(Socket socket, std::uint64_t& calls) {
  Conversation conversation(std::move(socket), calls);
  co_await conversation.run();
}

}  // namespace

struct DemoProvider::Impl {
  asio::io_context context{1};
  Acceptor acceptor{context};
  std::string url;
  std::uint64_t calls = 0;  // of the one thread
  std::thread thread;

  Result<void> listen() {
    error_code ec;
    const tcp::endpoint loopback(asio::ip::address_v4::loopback(), 0);
    acceptor.open(loopback.protocol(), ec);
    if (!ec) acceptor.bind(loopback, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) {
      return Error(ErrorCode::io_failed,
                   "the pretend provider can't listen on 127.0.0.1: " + ec.message());
    }
    url = fmt::format("http://127.0.0.1:{}", acceptor.local_endpoint().port());
    return {};
  }

  awaitable<void> accept() {
    while (true) {
      error_code ec;
      Socket socket(context);
      co_await acceptor.async_accept(socket, asio::redirect_error(use_awaitable, ec));
      if (ec == asio::error::operation_aborted) co_return;
      if (ec) {
        Timer pause(context, kPace);
        co_await pause.async_wait(asio::redirect_error(use_awaitable, ec));
        continue;
      }
      socket.set_option(tcp::no_delay(true), ec);
      asio::co_spawn(context, converse(std::move(socket), calls), asio::detached);
    }
  }

  void run() {
    asio::co_spawn(context, accept(), asio::detached);
    thread = std::thread([this] {
      pthread_setname_np(pthread_self(), "demo");
      context.run();
    });
  }
};

DemoProvider::DemoProvider(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

DemoProvider::~DemoProvider() {
  impl_->context.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Result<std::unique_ptr<DemoProvider>> DemoProvider::start() {
  auto impl = std::make_unique<Impl>();
  if (const auto listening = impl->listen(); !listening) return listening.error();
  impl->run();
  return std::unique_ptr<DemoProvider>(new DemoProvider(std::move(impl)));
}

const std::string& DemoProvider::url() const { return impl_->url; }

void pretend(const std::string& url, LoadResult& result) {
  for (ProviderSettings& provider : result.settings.providers) {
    provider.base_url = url;
    provider.api_keys.clear();
    provider.ca_file.clear();
    provider.upstream_proxy = {};
  }
  result.settings.upstream_proxy = {UpstreamProxySettings::Way::direct, {}};
  const auto said = result.places.find("data_dir");
  if (said == result.places.end() || said->second.file != "command line") {
    result.settings.data_dir += "/demo";
  }
}

}  // namespace farebox
