// ByteStream: an octet stream to one peer, plain TCP or TLS.
//
// The one virtual border between HTTP and sockets. Completion-based, at most one
// read and one write in flight; a completion never runs inside the call that
// started it. Used by one thread. The sink and the buffers must outlive the
// operation: Channel sees to that.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "proxy/net.hpp"

namespace farebox {

class ByteStream {
 public:
  class Sink {
   public:
    // `got` octets were read; with an error the stream is over (asio::error::eof
    // for a clean end).
    virtual void on_read(error_code ec, std::size_t got) = 0;
    virtual void on_written(error_code ec, std::size_t put) = 0;

   protected:
    ~Sink() = default;
  };
  using Buffers = std::span<const asio::const_buffer>;

  virtual ~ByteStream() = default;

  virtual void start_read(std::span<char> into, Sink& sink) = 0;

  // Writes what goes out without waiting and returns how much that was; 0 when the
  // peer must be waited for. An error is left for start_write to report.
  virtual std::size_t try_write(Buffers data) = 0;

  // Writes some of `data`.
  virtual void start_write(Buffers data, Sink& sink) = 0;

  // False while peers still shake hands; reading does that by itself.
  virtual bool ready() const { return true; }

  // Nothing unread waits in the stream or its socket, and the peer has not closed:
  // the condition under which a pooled connection may carry the next request.
  virtual bool quiet() = 0;

  // All was sent that should be: sends FIN (towards TLS clients behind a close_notify, by
  // which they tell a whole answer from a cut one) and keeps reading possible.
  virtual void shutdown_send() = 0;

  // Ends everything at once; operations in flight complete with an error. `reset`
  // sends RST, so that nothing sent so far can look whole.
  virtual void close() = 0;
  virtual void reset() = 0;
};

std::unique_ptr<ByteStream> make_plain_stream(Socket socket);

}  // namespace farebox
