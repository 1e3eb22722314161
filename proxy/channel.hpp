// Channel: one side of a relay. A ByteStream with its receive buffer, at most one
// read and one write in flight, and the Event of whoever owns it.
//
// A read is kept in flight while somebody owns it: that is how a client that leaves is
// noticed at once and at no cost. Every
// completion sets the owner's event; the owner looks at the state and decides.
// Used by one thread. It must not die with an operation in flight: end it with
// `retire`.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "proxy/byte_stream.hpp"
#include "proxy/event.hpp"
#include "proxy/receive_buffer.hpp"

namespace farebox {

class Channel final : private ByteStream::Sink {
 public:
  Channel(std::unique_ptr<ByteStream> stream, std::size_t reserve)
      : stream_(std::move(stream)), input_(reserve) {}
  ~Channel() { DCHECK(!busy()); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Who is told from now on; nullptr for nobody (a connection resting in a pool).
  void attach(Event* owner) { owner_ = owner; }

  // Reading. `received` grows behind the scenes while a read is in flight, so views
  // into it hold until the next `read_more`.
  std::string_view received() const { return input_.data(); }
  void consume(std::size_t count) { input_.consume(count); }
  void shrink() { if (!reading_) input_.shrink(); }
  // Starts a read with room for `least` octets, unless one is in flight or the
  // stream has ended.
  void read_more(std::size_t least = 1);
  bool reading() const { return reading_; }
  bool ended() const { return ended_; }          // nothing will follow what is received
  error_code end_reason() const { return end_; }  // eof for a clean end
  std::uint64_t octets_read() const { return octets_read_; }

  // Writing. All of `data` is sent in order; what can't go at once stays referenced,
  // so it must live until `sending` is false. Precondition: !sending().
  void send(ByteStream::Buffers data);
  bool sending() const { return writing_; }
  bool broken() const { return broken_; }  // a write failed: the peer is gone
  std::uint64_t octets_written() const { return octets_written_; }

  bool ready() const { return stream_->ready(); }
  bool quiet() { return !ended_ && input_.empty() && stream_->quiet(); }
  void shutdown_send() { stream_->shutdown_send(); }
  void close();
  void reset();  // close with RST
  bool closed() const { return closed_; }
  bool busy() const { return reading_ || writing_; }

  // Closes the channel and destroys it as soon as nothing is in flight.
  static void retire(std::unique_ptr<Channel> channel);

 private:
  static constexpr std::size_t kMaxPieces = 16;

  void on_read(error_code ec, std::size_t got) override;
  void on_written(error_code ec, std::size_t put) override;
  void advance(std::size_t put);
  void tell();

  std::unique_ptr<ByteStream> stream_;
  ReceiveBuffer input_;
  Event* owner_ = nullptr;

  std::array<asio::const_buffer, kMaxPieces> output_;
  std::size_t output_first_ = 0;
  std::size_t output_count_ = 0;

  std::uint64_t octets_read_ = 0;
  std::uint64_t octets_written_ = 0;
  error_code end_;
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;
  bool broken_ = false;
  bool closed_ = false;
  bool retired_ = false;
};

}  // namespace farebox
