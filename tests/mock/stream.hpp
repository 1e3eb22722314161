// One connection as the mock sees it: octets over TCP, or over TLS on TCP, with
// the bad ways to leave a peer (a bare FIN, a reset) and with eyes for a peer
// that leaves first. Blocking; one thread owns it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace farebox::mock {

// CLOCK_MONOTONIC in seconds. All programs of one machine share it, so a test
// can subtract its own reading from one of ours.
double monotonic_seconds();

// What a TLS handshake settled; empty texts on a plain connection.
struct TlsFacts {
  std::string protocol;     // "TLSv1.3"
  std::string server_name;  // SNI
  std::string alpn;
  bool resumed = false;
};

class Stream {
 public:
  explicit Stream(int socket);  // takes the socket
  ~Stream();                    // closes it
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Handshakes as a server. Returns the reason when it fails, else nothing.
  std::string start_tls(ssl_ctx_st* context);
  TlsFacts tls_facts() const;
  bool is_tls() const { return ssl_ != nullptr; }

  // Some octets; 0 when the peer has ended or broken the connection.
  std::size_t read_some(char* to, std::size_t most);
  // False when the peer no longer takes octets.
  bool write_all(std::string_view octets);

  // False if nothing came in this time. A negative time means for ever.
  bool wait_readable(std::chrono::milliseconds most);
  // Waits this long, or until the peer leaves. True if it is still there. A FIN
  // counts as leaving: the peer is a proxy, which has no reason to half-close.
  bool wait_with_peer(std::chrono::microseconds time);
  bool peer_left() { return !wait_with_peer(std::chrono::microseconds(0)); }

  // TLS's close_notify, then FIN, then reads what is still on its way, so that
  // the kernel does not turn the FIN into a reset.
  void close_politely();
  // FIN without TLS's goodbye: what a crashed or cut peer looks like.
  void close_abruptly();
  // RST.
  void reset();
  // Wakes the owner out of any wait; the only call another thread may make.
  void shut_down();

 private:
  void finish_and_drain();

  int socket_;
  bool open_ = true;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
};

}  // namespace farebox::mock
