// ClientCounts: how many connections each client address has open (limits.connections_per_client).
//
// Thread-safe: one short lock when a connection begins or ends, never per request. It has no
// more entries than there are connections. Of IPv6 the first 64 bits count: whoever has one
// address there has all of them.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace farebox {

class ClientCounts {
 public:
  using Address = std::array<std::uint8_t, 16>;

  // Of who is at the other end; nothing for a Unix socket, whose clients are not counted.
  static std::optional<Address> address_of(int socket);
  static std::optional<Address> address_of(const sockaddr_storage& peer);
  // The same as a number, for those who only tell one from another; 0: a Unix socket's.
  static std::size_t number_of(int socket);

  // One connection; it is counted while this lives.
  class Place {
   public:
    Place() = default;
    Place(ClientCounts& counts, const Address& address) : counts_(&counts), address_(address) {}
    Place(Place&& other) noexcept
        : counts_(std::exchange(other.counts_, nullptr)), address_(other.address_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (counts_ != nullptr) counts_->leave(address_);
    }

   private:
    ClientCounts* counts_ = nullptr;
    Address address_{};
  };

  // Nothing when `address` has `most` connections already.
  std::optional<Place> enter(const Address& address, std::uint32_t most) {
    const std::lock_guard lock(mutex_);
    std::uint32_t& count = counts_[address];
    if (count >= most) return std::nullopt;
    ++count;
    return Place(*this, address);
  }

  std::size_t addresses() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

 private:
  void leave(const Address& address) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(address);
    if (--found->second == 0) counts_.erase(found);
  }

  mutable std::mutex mutex_;
  std::map<Address, std::uint32_t> counts_;
};

}  // namespace farebox
