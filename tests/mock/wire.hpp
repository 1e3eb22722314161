// The writing side of one answer: counts what goes out, stops where the answer
// is to be cut, and notes the moment the peer leaves.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "tests/mock/stream.hpp"

namespace farebox::mock {

class Wire {
 public:
  // write_size: octets per system call, 0 for as many as there are.
  Wire(Stream& stream, std::uint64_t write_size) : stream_(stream), write_size_(write_size) {}

  // No octet after this count, from the answer's first.
  void cut_at(std::uint64_t octets) { end_ = octets; }
  void cut() { end_ = written_; }

  // False once the answer is cut or the peer is gone.
  bool write(std::string_view octets);
  // Waits, but no longer than the peer stays.
  void wait(int milliseconds);

  std::uint64_t written() const { return written_; }
  double peer_left_at() const { return peer_left_at_; }  // monotonic seconds; 0: it stayed

 private:
  Stream& stream_;
  std::uint64_t write_size_;
  std::uint64_t written_ = 0;
  std::uint64_t end_ = std::numeric_limits<std::uint64_t>::max();
  double peer_left_at_ = 0;
};

}  // namespace farebox::mock
