#include "proxy/dialect/kept_text.hpp"

#include <algorithm>

namespace farebox {

std::atomic<std::uint64_t> KeptText::all_{0};
std::atomic<std::uint64_t> KeptText::most_{KeptText::kMostOfAll};

void KeptText::append(std::string_view more) {
  if (cut_) return;
  const std::size_t size = text_.size() + more.size();
  if (size > kMost || (size > text_.capacity() && !make_room(size))) {
    cut_ = true;
    return;
  }
  text_.append(more);
}

// Grows by halves: a text of some hundred KiB would else take twice its size.
bool KeptText::make_room(std::size_t size) {
  constexpr std::size_t kFirst = 256;
  const std::size_t room = std::max({size, text_.capacity() + text_.capacity() / 2, kFirst});
  if (room > kOwn) {
    const std::uint64_t wanted = room - kOwn - shared_;
    const std::uint64_t before = all_.fetch_add(wanted, std::memory_order_relaxed);
    if (before + wanted > most_.load(std::memory_order_relaxed)) {
      all_.fetch_sub(wanted, std::memory_order_relaxed);
      return false;
    }
    shared_ += wanted;
  }
  // A string that is told to grow doubles.
  std::string wider;
  wider.reserve(room);
  wider.append(text_);
  text_.swap(wider);
  return true;
}

}  // namespace farebox
