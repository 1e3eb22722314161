// PackedPrices: the cards of one price file as octets, and an index to find them by name.
//
// A table of three thousand models is some 300 KiB in this form; a card becomes a
// PriceCard when somebody asks for it, and stays one. The bundled table is packed by the
// build (config/packer) and used where it lies in the program, so that its
// start costs nothing. The octets come from price_packer.hpp alone and are trusted.
//
//   packed  = magic, version, cards, entries, buckets, sellers : u32
//             seller[sellers]  : u32 string
//             bucket[buckets+1]: u32, the first entry of each bucket
//             entry[entries]   : {hash, string, card : u32; seller : u16; kind : u16}
//             offset[cards]    : u32 into octets
//             octets_size, octets...   strings, the first of them empty, then cards
//   string  = offset into octets of {length : varint, text}
//   card    = seller id? model region variant mode tokenizer : varints ...
//             as pack_card in price_packer.cpp writes it
//
// All integers little-endian, varints in base 128 (Int128). Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "config/price_card.hpp"

namespace farebox {

namespace packed_prices {

inline constexpr std::uint32_t kMagic = 0x31504246;  // "FBP1"
inline constexpr std::size_t kHeaderWords = 6;

enum EntryKind : std::uint16_t { kOwnName = 0, kAlias = 1, kAmbiguous = 2 };

struct Entry {
  std::uint32_t hash;
  std::uint32_t name;
  std::uint32_t card;
  std::uint16_t seller;
  std::uint16_t kind;
};
static_assert(sizeof(Entry) == 16);

// In the flags of a card.
enum CardFlag : std::uint32_t {
  kTokenizerPublic = 1, kHasVariants = 2, kPerQuery = 4, kPerPrompt = 8, kEstimated = 16,
  kOwnId = 32, kDated = 64,
};

}  // namespace packed_prices

// What one maker, and only one, sells under a name.
inline constexpr std::string_view kAnyMaker = "";

class PackedPrices {
 public:
  // `octets` as pack_prices gives them, kept.
  static std::shared_ptr<const PackedPrices> of(std::string octets);
  // The same, of octets that outlive it and lie at a multiple of four.
  static std::shared_ptr<const PackedPrices> in_place(std::string_view octets);
  ~PackedPrices();
  PackedPrices(const PackedPrices&) = delete;
  PackedPrices& operator=(const PackedPrices&) = delete;

  // The card that seller sells under that name on that day: by exactly that name, else
  // in lower case, else by the only name that differs in nothing but capitals. A model's
  // own name goes before an alias, and the latest card before older ones. Null: none.
  const PriceCard* find(std::string_view seller, std::string_view name, std::int32_t day) const;

  // Several makers sell something under that name.
  bool is_ambiguous(std::string_view name) const;

  const PriceCard& card(std::size_t index) const;
  std::size_t size() const { return cards_; }
  std::size_t sellers() const { return sellers_; }
  std::string_view seller(std::size_t index) const;
  std::string_view version() const;

 private:
  PackedPrices() = default;
  void open(std::string_view octets);
  std::string_view string(std::uint32_t offset) const;
  std::uint32_t word(std::size_t index) const {
    std::uint32_t value = 0;
    std::memcpy(&value, words_ + index * 4, 4);
    return value;
  }
  packed_prices::Entry entry(std::size_t index) const {
    packed_prices::Entry value{};
    std::memcpy(&value, words_ + first_entry_ * 4 + index * sizeof value, sizeof value);
    return value;
  }
  std::unique_ptr<const PriceCard> unpack(std::size_t index) const;

  std::string owned_;
  const char* words_ = nullptr;
  std::string_view octets_;
  std::uint32_t cards_ = 0, entries_ = 0, buckets_ = 0, sellers_ = 0;
  std::size_t first_bucket_ = 0, first_entry_ = 0, first_card_ = 0;  // as word indices
  mutable std::unique_ptr<std::atomic<const PriceCard*>[]> unpacked_;
};

}  // namespace farebox
