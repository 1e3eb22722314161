#include "config/price_index.hpp"

#include <algorithm>
#include <functional>

#include "config/price_seller.hpp"

namespace farebox {

namespace {

constexpr SellerId kFirstSeller = 3;

// Longer names are not looked for in lower case.
constexpr std::size_t kLongestLowerName = 160;

bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
char lower(char c) { return is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c; }

bool has_capitals(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_capital);
}

}  // namespace

std::size_t PriceIndex::Hash::operator()(const Key& key) const noexcept {
  return std::hash<std::string_view>()(key.name) ^ (std::size_t(key.seller) * 0x9E3779B97F4A7C15u);
}

SellerId PriceIndex::add_seller(std::string_view name) {
  if (name == "*") return kEverybody;
  const auto next = static_cast<SellerId>(kFirstSeller + sellers_.size());
  return sellers_.emplace(name, next).first->second;
}

SellerId PriceIndex::seller(std::string_view name) const {
  const auto found = sellers_.find(name);
  return found == sellers_.end() ? kNobody : found->second;
}

const PriceCard* PriceIndex::add(SellerId seller, std::string_view name, const PriceCard* card,
                                 std::uint32_t rank) {
  const auto [slot, added] = names_.emplace(Key{seller, name}, Entry{card, rank});
  if (added || slot->second.card == card) return nullptr;
  if (slot->second.rank == rank) return slot->second.card;
  // The key stays, though its text may belong to the other card: both live as long.
  if (slot->second.rank < rank) slot->second = Entry{card, rank};
  return nullptr;
}

void PriceIndex::finish() {
  Names of_makers;
  for (const auto& [key, entry] : names_) {
    if (key.seller == kEverybody || !is_maker(entry.card->provider)) continue;
    const auto [slot, added] = of_makers.emplace(Key{kAnyMaker, key.name}, entry);
    if (!added && slot->second.card != entry.card) slot->second.card = nullptr;
  }
  names_.merge(of_makers);

  for (const auto& [key, entry] : names_) {
    if (!has_capitals(key.name)) continue;
    auto text = std::make_unique<std::string>(key.name);
    std::transform(text->begin(), text->end(), text->begin(), lower);
    const auto [slot, added] = lower_names_.emplace(Key{key.seller, *text}, entry);
    if (!added && slot->second.card != entry.card) slot->second.card = nullptr;
    lower_texts_.push_back(std::move(text));
  }
}

const PriceCard* PriceIndex::look_up(const Names& names, SellerId seller, std::string_view name) {
  const auto found = names.find(Key{seller, name});
  return found == names.end() ? nullptr : found->second.card;
}

const PriceCard* PriceIndex::find(SellerId seller, std::string_view name) const {
  if (const PriceCard* exact = look_up(names_, seller, name)) return exact;
  if (name.size() > kLongestLowerName) return nullptr;
  if (has_capitals(name)) {
    char text[kLongestLowerName];
    std::transform(name.begin(), name.end(), text, lower);
    const std::string_view lower_name(text, name.size());
    if (const PriceCard* card = look_up(names_, seller, lower_name)) return card;
    return look_up(lower_names_, seller, lower_name);
  }
  return look_up(lower_names_, seller, name);
}

}  // namespace farebox
