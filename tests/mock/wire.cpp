#include "tests/mock/wire.hpp"

#include <algorithm>
#include <chrono>

namespace farebox::mock {

bool Wire::write(std::string_view octets) {
  // A peer that has all it was to get may leave.
  if (octets.empty()) return peer_left_at_ == 0;
  if (peer_left_at_ == 0 && stream_.peer_left()) peer_left_at_ = monotonic_seconds();
  if (peer_left_at_ > 0) return false;

  const bool cut_here = octets.size() > end_ - written_;
  octets = octets.substr(0, end_ - written_);
  while (!octets.empty()) {
    const std::string_view part = octets.substr(0, write_size_ > 0 ? write_size_ : octets.size());
    if (!stream_.write_all(part)) {
      peer_left_at_ = monotonic_seconds();
      return false;
    }
    written_ += part.size();
    octets.remove_prefix(part.size());
  }
  return !cut_here;
}

void Wire::wait(int milliseconds) {
  if (milliseconds <= 0 || peer_left_at_ > 0) return;
  if (!stream_.wait_with_peer(std::chrono::milliseconds(milliseconds))) {
    peer_left_at_ = monotonic_seconds();
  }
}

}  // namespace farebox::mock
