// ReceiveBuffer: octets that were read and not consumed yet, in one piece.
//
// Reserved up front, grows when one message needs more in one piece, and shrinks
// back when it is empty, so that an idle connection stays small. Views into it die
// with the next `space`. 64 octets behind the data are always readable.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "config/base/check.hpp"

namespace farebox {

class ReceiveBuffer {
 public:
  explicit ReceiveBuffer(std::size_t reserve) : reserve_(reserve) {}

  std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

  // Room for at least `least` more octets behind the data.
  std::span<char> space(std::size_t least) {
    if (empty()) begin_ = end_ = 0;
    if (capacity_ - end_ < least) make_room(least);
    return {bytes_.get() + end_, capacity_ - end_};
  }

  void commit(std::size_t count) {
    DCHECK(count <= capacity_ - end_);
    end_ += count;
  }

  // The bounds stay where they are: a read may be in flight into the space behind the
  // data. The next `space` begins at the front again.
  void consume(std::size_t count) {
    DCHECK(count <= size());
    begin_ += count;
  }

  // Gives back what grew beyond the reserve. Only with an empty buffer.
  void shrink() {
    if (!empty() || capacity_ <= reserve_) return;
    bytes_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  static constexpr std::size_t kPadding = 64;

  void make_room(std::size_t least) {
    const std::size_t used = size();
    if (capacity_ - used >= least && begin_ >= used) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, used);
    } else {
      std::size_t wanted = capacity_ == 0 ? reserve_ : capacity_;
      while (wanted - used < least) wanted *= 2;
      auto larger = std::make_unique_for_overwrite<char[]>(wanted + kPadding);
      if (used != 0) std::memcpy(larger.get(), bytes_.get() + begin_, used);
      bytes_ = std::move(larger);
      capacity_ = wanted;
    }
    begin_ = 0;
    end_ = used;
  }

  const std::size_t reserve_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace farebox
