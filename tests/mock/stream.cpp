#include "tests/mock/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace farebox::mock {

namespace {

constexpr int kDrainMs = 500;  // how long a polite close listens for stragglers

std::string tls_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "connection lost in the handshake";
}

}  // namespace

double monotonic_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Stream::Stream(int socket) : socket_(socket), ssl_(nullptr, SSL_free) {
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Stream::~Stream() { ::close(socket_); }

std::string Stream::start_tls(ssl_ctx_st* context) {
  ssl_.reset(SSL_new(context));
  SSL_set_fd(ssl_.get(), socket_);
  if (SSL_accept(ssl_.get()) == 1) return {};
  std::string reason = tls_reason();
  ssl_.reset();
  return reason;
}

TlsFacts Stream::tls_facts() const {
  TlsFacts facts;
  if (!ssl_) return facts;
  facts.protocol = SSL_get_version(ssl_.get());
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) {
    facts.server_name = name;
  }
  const unsigned char* alpn = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &alpn, &size);
  facts.alpn.assign(reinterpret_cast<const char*>(alpn), size);
  facts.resumed = SSL_session_reused(ssl_.get()) == 1;
  return facts;
}

std::size_t Stream::read_some(char* to, std::size_t most) {
  if (ssl_) {
    const int n = SSL_read(ssl_.get(), to, static_cast<int>(most));
    if (n > 0) return static_cast<std::size_t>(n);
    ERR_clear_error();
    return 0;
  }
  ssize_t n = 0;
  do {
    n = recv(socket_, to, most, 0);
  } while (n < 0 && errno == EINTR);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

bool Stream::write_all(std::string_view octets) {
  while (!octets.empty()) {
    ssize_t n = 0;
    if (ssl_) {
      n = SSL_write(ssl_.get(), octets.data(), static_cast<int>(octets.size()));
      if (n <= 0) {
        ERR_clear_error();
        return false;
      }
    } else {
      n = send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
    }
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool Stream::wait_readable(std::chrono::milliseconds most) {
  if (ssl_ && SSL_pending(ssl_.get()) > 0) return true;
  pollfd waiting{socket_, POLLIN, 0};
  return poll(&waiting, 1, static_cast<int>(most.count())) > 0;
}

bool Stream::wait_with_peer(std::chrono::microseconds time) {
  const timespec most{static_cast<time_t>(time.count() / 1'000'000),
                      static_cast<long>(time.count() % 1'000'000 * 1'000)};
  // Errors and hang-ups are reported unasked; waiting requests are not news.
  pollfd waiting{socket_, POLLRDHUP, 0};
  return ppoll(&waiting, 1, &most, nullptr) == 0;
}

void Stream::close_politely() {
  if (!open_) return;
  if (ssl_) {
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  finish_and_drain();
}

void Stream::close_abruptly() {
  if (open_) finish_and_drain();
}

void Stream::finish_and_drain() {
  open_ = false;
  shutdown(socket_, SHUT_WR);
  const double end = monotonic_seconds() + kDrainMs / 1000.0;
  char room[4096];
  pollfd waiting{socket_, POLLIN, 0};
  while (monotonic_seconds() < end && poll(&waiting, 1, kDrainMs) > 0) {
    if (recv(socket_, room, sizeof room, 0) <= 0) break;
  }
}

void Stream::reset() {
  open_ = false;
  const linger at_once{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Stream::shut_down() { shutdown(socket_, SHUT_RDWR); }

}  // namespace farebox::mock
