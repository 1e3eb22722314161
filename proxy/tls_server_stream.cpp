#include "proxy/tls_server_stream.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace farebox {
namespace {

constexpr std::size_t kRecord = 16 << 10;  // the most a TLS record holds (RFC 8446, 5.1)
constexpr unsigned char kHandshake = 22;   // the first octet of every TLS connection
constexpr unsigned kMostAsides = 32;       // handshake messages in a row behind the handshake
constexpr std::size_t kMostPlain = 1 << 20;  // octets of a plain request read and forgotten

constexpr std::string_view kSpeakTls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 151\r\n"
    "Connection: close\r\n\r\n"
    "{\"error\":{\"message\":\"this port speaks HTTPS and this was plain HTTP; begin the URL with "
    "https://\",\"type\":\"invalid_request_error\",\"code\":\"bad_request\"}}";
static_assert(kSpeakTls.substr(kSpeakTls.find("\r\n\r\n") + 4).size() == 151);

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// The socket, its TLS and what is under way. Handlers keep it alive: a close_notify may
// still wait for room when the stream's owner has gone.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(Socket socket, SSL_CTX* context) : socket_(std::move(socket)), tls_(SSL_new(context)) {
    if (!tls_) return;
    SSL_set_fd(tls_.get(), socket_.native_handle());
    SSL_set_accept_state(tls_.get());
    SSL_set_msg_callback(tls_.get(), &Core::on_message);
    SSL_set_msg_callback_arg(tls_.get(), this);
  }

  void start_read(std::span<char> into, ByteStream::Sink& sink) {
    into_ = into;
    reader_ = &sink;
    // What lies in OpenSSL's buffer makes no socket readable.
    if (!tls_ || SSL_has_pending(tls_.get()) == 1) {
      asio::post(socket_.get_executor(), [self = shared_from_this()] { self->read_step(); });
    } else {
      wait_to_read(Socket::wait_read);
    }
  }

  // How much went out at once; 0: wait, or look for the error in start_write.
  std::size_t write_now(ByteStream::Buffers data) {
    if (stage_ != Stage::open) return 0;
    std::size_t total = 0;
    std::size_t skip = 0;  // of the first piece
    while (!data.empty()) {
      const std::span<const char> record = next_record(data, skip);
      ERR_clear_error();
      const int sent = SSL_write(tls_.get(), record.data(), static_cast<int>(record.size()));
      if (sent <= 0) {
        wants_ = SSL_get_error(tls_.get(), sent);
        return total;
      }
      total += static_cast<std::size_t>(sent);
      skip += static_cast<std::size_t>(sent);
      while (!data.empty() && skip >= data.front().size()) {
        skip -= data.front().size();
        data = data.subspan(1);
      }
    }
    return total;
  }

  void start_write(ByteStream::Buffers data, ByteStream::Sink& sink) {
    writing_ = data;
    writer_ = &sink;
    wait_to_write(wants_ == SSL_ERROR_WANT_READ ? Socket::wait_read : Socket::wait_write);
  }

  bool quiet() {
    if (!tls_ || SSL_has_pending(tls_.get()) == 1) return false;
    char octet;
    const ssize_t got = ::recv(socket_.native_handle(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  bool ready() const { return stage_ == Stage::open; }

  void shutdown_send() {
    ERR_clear_error();
    const int done = stage_ == Stage::open ? SSL_shutdown(tls_.get()) : 1;
    if (done < 0 && SSL_get_error(tls_.get(), done) == SSL_ERROR_WANT_WRITE) {
      // Without its close_notify a whole answer would look cut.
      socket_.async_wait(Socket::wait_write, [self = shared_from_this()](error_code ec) {
        if (!ec) self->shutdown_send();
      });
      return;
    }
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

  void reset() {
    error_code ignored;
    socket_.set_option(Socket::linger(true, 0), ignored);
    close();
  }

 private:
  enum class Stage : std::uint8_t { unseen, shaking, open, plain };

  // Behind the handshake a client has little to say but its requests. One that sends nothing
  // but key updates (RFC 8446, 4.6.3) would keep OpenSSL, and with it the worker, busy.
  static void on_message(int written, int, int type, const void*, std::size_t, SSL*, void* self) {
    Core& core = *static_cast<Core*>(self);
    if (written == 0 && type == SSL3_RT_HANDSHAKE && core.stage_ == Stage::open) {
      ++core.asides_;
    }
  }

  void wait_to_read(Socket::wait_type what) {
    socket_.async_wait(what, [self = shared_from_this()](error_code ec) {
      if (ec) {
        self->end_read(ec, 0);
      } else {
        self->read_step();
      }
    });
  }

  void wait_to_write(Socket::wait_type what) {
    socket_.async_wait(what, [self = shared_from_this()](error_code ec) {
      std::size_t put = 0;
      if (!ec) {
        self->wants_ = SSL_ERROR_NONE;
        put = self->write_now(self->writing_);
        if (put == 0 && self->wants_ == SSL_ERROR_WANT_WRITE) {
          return self->wait_to_write(Socket::wait_write);
        }
        if (put == 0 && self->wants_ == SSL_ERROR_WANT_READ) {
          return self->wait_to_write(Socket::wait_read);
        }
        if (put == 0) ec = asio::error::broken_pipe;
      }
      std::exchange(self->writer_, nullptr)->on_written(ec, put);
    });
  }

  void end_read(error_code ec, std::size_t got) {
    std::exchange(reader_, nullptr)->on_read(ec, got);
  }

  void read_step() {
    if (!socket_.is_open()) return end_read(asio::error::operation_aborted, 0);
    if (!tls_) return end_read(asio::error::no_memory, 0);
    if (stage_ == Stage::unseen && !look_at_first_octet()) return;
    if (stage_ == Stage::plain) return forget_plain();
    ERR_clear_error();
    // It returns after every record (no SSL_MODE_AUTO_RETRY). What came before data was an
    // aside; more of them, or the data, may lie in OpenSSL's buffer already.
    int got = 0;
    unsigned asides = 0;
    do {
      asides = asides_;
      got = SSL_read(tls_.get(), into_.data(), static_cast<int>(into_.size()));
    } while (got <= 0 && asides_ != asides && asides_ <= kMostAsides);
    if (stage_ == Stage::shaking && SSL_is_init_finished(tls_.get()) == 1) stage_ = Stage::open;
    if (got > 0) {
      asides_ = 0;
      return end_read({}, static_cast<std::size_t>(got));
    }
    if (asides_ > kMostAsides) return end_read(asio::error::connection_reset, 0);
    switch (SSL_get_error(tls_.get(), got)) {
      case SSL_ERROR_WANT_READ: return wait_to_read(Socket::wait_read);
      case SSL_ERROR_WANT_WRITE: return wait_to_read(Socket::wait_write);
      case SSL_ERROR_ZERO_RETURN: return end_read(asio::error::eof, 0);
      // A FIN without a close_notify is no clean end; nor is a broken handshake.
      default: return end_read(asio::error::connection_reset, 0);
    }
  }

  // False: there is nothing to look at yet, or no more.
  bool look_at_first_octet() {
    unsigned char first = 0;
    const ssize_t got = ::recv(socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      wait_to_read(Socket::wait_read);
      return false;
    }
    if (got <= 0) {
      error_code ec = asio::error::connection_reset;
      if (got == 0) ec = asio::error::eof;
      end_read(ec, 0);
      return false;
    }
    stage_ = first == kHandshake ? Stage::shaking : Stage::plain;
    if (stage_ == Stage::plain) {
      ::send(socket_.native_handle(), kSpeakTls.data(), kSpeakTls.size(),
             MSG_NOSIGNAL | MSG_DONTWAIT);
      error_code ignored;
      socket_.shutdown(Socket::shutdown_send, ignored);
    }
    return true;
  }

  // Octets left unread would reset the connection, and our answer with it.
  void forget_plain() {
    char octets[4096];
    ssize_t got = 0;
    do {
      got = ::recv(socket_.native_handle(), octets, sizeof octets, MSG_DONTWAIT);
      if (got > 0) forgotten_ += static_cast<std::size_t>(got);
    } while ((got > 0 && forgotten_ < kMostPlain) || (got < 0 && errno == EINTR));
    if (got < 0 && errno == EAGAIN) return wait_to_read(Socket::wait_read);
    end_read(asio::error::connection_reset, 0);
  }

  // Head and body leave in one record where they fit. A write that has to wait is repeated
  // with the same octets, from whatever place.
  static std::span<const char> next_record(ByteStream::Buffers data, std::size_t skip) {
    const char* const first = static_cast<const char*>(data.front().data()) + skip;
    const std::size_t left = data.front().size() - skip;
    if (data.size() == 1 || left >= kRecord) return {first, std::min(left, kRecord)};
    thread_local char gathered[kRecord];
    std::memcpy(gathered, first, left);
    std::size_t size = left;
    for (const asio::const_buffer& piece : data.subspan(1)) {
      const std::size_t take = std::min(piece.size(), kRecord - size);
      std::memcpy(gathered + size, piece.data(), take);
      size += take;
      if (size == kRecord) break;
    }
    return {gathered, size};
  }

  Socket socket_;
  const std::unique_ptr<SSL, SslDeleter> tls_;
  Stage stage_ = Stage::unseen;
  int wants_ = SSL_ERROR_NONE;  // what the last write waits for
  unsigned asides_ = 0;         // handshake messages since the last data
  std::size_t forgotten_ = 0;
  std::span<char> into_;
  ByteStream::Sink* reader_ = nullptr;
  ByteStream::Buffers writing_;
  ByteStream::Sink* writer_ = nullptr;
};

class TlsServerStream final : public ByteStream {
 public:
  TlsServerStream(Socket socket, SSL_CTX* context)
      : core_(std::make_shared<Core>(std::move(socket), context)) {}
  ~TlsServerStream() override { core_->close(); }

  void start_read(std::span<char> into, Sink& sink) override { core_->start_read(into, sink); }
  std::size_t try_write(Buffers data) override { return core_->write_now(data); }
  void start_write(Buffers data, Sink& sink) override { core_->start_write(data, sink); }
  bool ready() const override { return core_->ready(); }
  bool quiet() override { return core_->quiet(); }
  void shutdown_send() override { core_->shutdown_send(); }
  void close() override { core_->close(); }
  void reset() override { core_->reset(); }

 private:
  const std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<ByteStream> make_tls_server_stream(Socket socket, ssl_ctx_st* context) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  return std::make_unique<TlsServerStream>(std::move(socket), context);
}

}  // namespace farebox
