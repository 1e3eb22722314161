// AnswerFilter: which keys a generation of the cache may have, without a look at the disk.
//
// A Bloom filter of 16 bits a key in blocks of one cache line, which grows by pages of twice the
// size; of keys that aren't there, a few in a hundred pass. Keys only come. One thread adds, any
// may ask; who asks allocates nothing and waits for nobody.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include "config/base/check.hpp"
#include "storage/answer.hpp"

namespace farebox {

class AnswerFilter {
 public:
  AnswerFilter() = default;
  ~AnswerFilter() {
    for (auto& page : pages_) delete page.load(std::memory_order_relaxed);
  }
  AnswerFilter(const AnswerFilter&) = delete;
  AnswerFilter& operator=(const AnswerFilter&) = delete;

  void add(const AnswerKey& key) {
    if (count_ == room_) grow();
    Page& page = *pages_[pages_made_ - 1].load(std::memory_order_relaxed);
    page.add(Bits(key));
    ++count_;
  }

  // Keys that were added, the same one as often as it was. Whoever adds ends before kMost.
  std::uint64_t count() const { return count_; }
  static constexpr std::uint64_t kMost = 32 << 20;

  bool may_have(const AnswerKey& key) const {
    const Bits bits(key);
    for (const auto& each : pages_) {
      const Page* const page = each.load(std::memory_order_acquire);
      if (page == nullptr) return false;
      if (page->has(bits)) return true;
    }
    return false;
  }

 private:
  static constexpr std::uint64_t kFirstKeys = 4'096;
  static constexpr std::uint64_t kMostKeys = 1 << 20;  // of a page
  static constexpr std::size_t kMostPages = 64;
  static constexpr std::uint64_t kBitsOfKey = 16;

  // A digest's octets are as good as hashes. Not those that name shards or hash tables.
  struct Bits {
    explicit Bits(const AnswerKey& key) {
      std::memcpy(&block, key.data() + 8, sizeof block);
      std::memcpy(&places, key.data() + 16, sizeof places);
    }
    std::uint64_t block, places;  // seven places of nine bits
  };

  struct Page {
    explicit Page(std::uint64_t keys)
        : blocks(keys * kBitsOfKey / 512 + 1), words(new std::atomic<std::uint64_t>[blocks * 8]()) {}
    void add(const Bits& bits) {
      std::atomic<std::uint64_t>* const block = &words[(bits.block % blocks) * 8];
      std::uint64_t places = bits.places;
      for (int i = 0; i < 7; ++i, places >>= 9) {
        block[places >> 6 & 7].fetch_or(1ull << (places & 63), std::memory_order_relaxed);
      }
    }
    bool has(const Bits& bits) const {
      const std::atomic<std::uint64_t>* const block = &words[(bits.block % blocks) * 8];
      std::uint64_t places = bits.places;
      for (int i = 0; i < 7; ++i, places >>= 9) {
        if ((block[places >> 6 & 7].load(std::memory_order_relaxed) >> (places & 63) & 1) == 0) {
          return false;
        }
      }
      return true;
    }
    const std::uint64_t blocks;
    const std::unique_ptr<std::atomic<std::uint64_t>[]> words;
  };

  void grow() {
    CHECK(pages_made_ < kMostPages);  // more than kMost
    const std::uint64_t keys = std::min(kMostKeys, kFirstKeys << std::min<std::size_t>(pages_made_, 20));
    pages_[pages_made_++].store(new Page(keys), std::memory_order_release);
    room_ += keys;
  }

  std::array<std::atomic<Page*>, kMostPages> pages_{};
  std::size_t pages_made_ = 0;
  std::uint64_t room_ = 0, count_ = 0;
};

}  // namespace farebox
