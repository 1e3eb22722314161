// KeptText: what an answer shows, kept as long as it may have to be counted.
//
// Streams are let in before anybody knows how much they will show, and one whose client doesn't
// read keeps all of it: so beyond a part that each may have, all of them share what there is.
// One belongs to one thread; what they share is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace farebox {

class KeptText {
 public:
  static constexpr std::size_t kMost = 512 << 10;  // of one
  static constexpr std::size_t kOwn = 8 << 10;     // that each may have, whatever others have
  static constexpr std::uint64_t kMostOfAll = 128 << 20;

  KeptText() = default;
  KeptText(KeptText&& other) noexcept
      : text_(std::move(other.text_)), shared_(std::exchange(other.shared_, 0)), cut_(other.cut_) {
    other.text_.clear();
  }
  KeptText& operator=(KeptText&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    text_ = std::move(other.text_);
    other.text_.clear();
    shared_ = std::exchange(other.shared_, 0);
    cut_ = other.cut_;
    return *this;
  }
  ~KeptText() { give_back(); }

  // Keeps `more`, if there is room; once there was none, nothing more is kept.
  void append(std::string_view more);
  void resize(std::size_t size) { text_.resize(size); }

  std::string_view view() const { return text_; }
  std::size_t size() const { return text_.size(); }
  bool empty() const { return text_.empty(); }
  // Is a part of the text missing?
  bool cut() const { return cut_; }

  // The text, which from now on is the caller's.
  std::string take() {
    give_back();
    return std::exchange(text_, {});
  }

  // What all together may have beyond their own.
  static void share(std::uint64_t most) { most_.store(most, std::memory_order_relaxed); }
  static std::uint64_t shared() { return all_.load(std::memory_order_relaxed); }

 private:
  bool make_room(std::size_t size);
  void give_back() {
    if (shared_ != 0) all_.fetch_sub(std::exchange(shared_, 0), std::memory_order_relaxed);
  }

  static std::atomic<std::uint64_t> all_, most_;

  std::string text_;
  std::uint64_t shared_ = 0;  // octets it has of what they share
  bool cut_ = false;
};

}  // namespace farebox
