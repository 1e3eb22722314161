#include "tests/mock/world.hpp"

namespace farebox::mock {

std::uint64_t Connections::add(Stream& stream) {
  const std::lock_guard lock(mutex_);
  open_[++accepted_] = &stream;
  return accepted_;
}

void Connections::remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  open_.erase(id);
}

void Connections::handshake_failed(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  failures_.push_back(reason);
}

void Connections::shut_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, stream] : open_) stream->shut_down();
}

Json Connections::state() const {
  const std::lock_guard lock(mutex_);
  return {{"accepted", accepted_}, {"open", open_.size()}, {"handshakeFailures", failures_}};
}

}  // namespace farebox::mock
