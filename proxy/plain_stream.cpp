#include <sys/socket.h>

#include <cerrno>

#include "proxy/byte_stream.hpp"

namespace farebox {
namespace {

// At most this many pieces in one gather write; the rest goes with the next.
constexpr std::size_t kMaxPieces = 16;

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  void start_read(std::span<char> into, Sink& sink) override {
    socket_.async_read_some(asio::buffer(into.data(), into.size()),
                            [&sink](error_code ec, std::size_t got) { sink.on_read(ec, got); });
  }

  std::size_t try_write(Buffers data) override {
    iovec pieces[kMaxPieces];
    std::size_t count = 0;
    for (const asio::const_buffer& piece : data.first(std::min(data.size(), kMaxPieces))) {
      pieces[count].iov_base = const_cast<void*>(piece.data());
      pieces[count].iov_len = piece.size();
      ++count;
    }
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    ssize_t sent;
    do {
      sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }

  void start_write(Buffers data, Sink& sink) override {
    socket_.async_write_some(data.first(1)[0],
                             [&sink](error_code ec, std::size_t put) { sink.on_written(ec, put); });
  }

  bool quiet() override {
    char octet;
    const ssize_t got = ::recv(socket_.native_handle(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  void shutdown_send() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

  void reset() override {
    error_code ignored;
    socket_.set_option(Socket::linger(true, 0), ignored);
    close();
  }

 private:
  Socket socket_;
};

}  // namespace

std::unique_ptr<ByteStream> make_plain_stream(Socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace farebox
