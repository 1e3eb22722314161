// PriceIndex: (seller, model name) -> card, in one hash look-up and without allocation.
//
// Filled once by PriceTable, then only read. Names are views into the cards, which
// must outlive the index.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/price_card.hpp"

namespace farebox {

using SellerId = std::uint16_t;
inline constexpr SellerId kNobody = 0;     // sells nothing
inline constexpr SellerId kEverybody = 1;  // overrides for every provider
inline constexpr SellerId kAnyMaker = 2;   // names that exactly one maker sells

class PriceIndex {
 public:
  // The id of that seller, a new one if need be. "*" is everybody.
  SellerId add_seller(std::string_view name);

  // kNobody when no card is sold under that name.
  SellerId seller(std::string_view name) const;

  // Puts a name in; where it is taken, the higher rank keeps it. Returns the card
  // that has the name already at this very rank, which the caller may call a mistake.
  const PriceCard* add(SellerId seller, std::string_view name, const PriceCard* card,
                       std::uint32_t rank);

  // Call once after the last add: finds the names only one maker sells, and how
  // names with capitals look in lower case.
  void finish();

  // The card of exactly that name, else of that name in lower case, else null.
  const PriceCard* find(SellerId seller, std::string_view name) const;

 private:
  struct Key {
    SellerId seller;
    std::string_view name;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct Entry {
    const PriceCard* card;  // null: the name is ambiguous
    std::uint32_t rank;
  };
  using Names = std::unordered_map<Key, Entry, Hash>;

  static const PriceCard* look_up(const Names& names, SellerId seller, std::string_view name);

  std::unordered_map<std::string_view, SellerId> sellers_;
  Names names_;
  Names lower_names_;  // of the names that have capitals
  std::vector<std::unique_ptr<std::string>> lower_texts_;
};

}  // namespace farebox
