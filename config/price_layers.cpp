#include "config/price_layers.hpp"

namespace farebox {

const PriceCard* PriceLayers::find(std::string_view seller, std::string_view name,
                                   std::int32_t day) const {
  for (std::size_t i = files.size(); i-- > 0;) {
    const PriceCard* const card = files[i]->find(seller, name, day);
    if (card == nullptr) continue;
    if (i + 1 == files.size()) return card;
    if (card->model == name || !card->region.empty() || !card->variant.empty()) return card;
    for (std::size_t later = files.size(); later-- > i + 1;) {
      const PriceCard* const own = files[later]->find(card->provider, card->model, day);
      if (own != nullptr && own->id == card->id) return own;
    }
    return card;
  }
  return nullptr;
}

const PriceCard* PriceLayers::find_of_any_maker(std::string_view name, std::int32_t day) const {
  for (std::size_t i = files.size(); i-- > 0;) {
    if (files[i]->is_ambiguous(name)) return nullptr;
    if (files[i]->find(kAnyMaker, name, day) != nullptr) return find(kAnyMaker, name, day);
  }
  return nullptr;
}

}  // namespace farebox
