#include "config/price_packer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <unordered_map>

#include "config/packed_prices.hpp"
#include "config/price_seller.hpp"
#include "config/price_text.hpp"

namespace farebox {

using namespace packed_prices;

namespace {

class Packer {
 public:
  explicit Packer(SharedNames shared) : shared_(shared) { put_string(""); }

  void add(const PriceCard& card) {
    const auto index = static_cast<std::uint32_t>(offsets_.size());
    offsets_.push_back(static_cast<std::uint32_t>(cards_.size()));
    const std::uint16_t seller = seller_of(card.provider);
    pack_card(card, seller);
    // A card of a region or a variant is found under a name that says so.
    std::string own = card.region.empty() ? card.model : card.region + "/" + card.model;
    if (!card.variant.empty()) own += "#" + card.variant;
    add_name(seller, own, {index, kOwnName, &card});
    if (!card.region.empty() || !card.variant.empty()) return;
    for (const std::string& alias : card.aliases) add_name(seller, alias, {index, kAlias, &card});
  }

  const std::string& mistake() const { return mistake_; }

  std::string finish(std::string_view version) {
    add_names_of_makers();
    const std::uint32_t version_string = put_string(version);
    std::vector<Entry> entries;
    for (const auto& [key, claims] : names_) {
      for (const Claim& claim : claims) {
        entries.push_back({price_text::hash_of(seller_names_[key.first], key.second),
                           put_string(key.second), claim.card, key.first, claim.kind});
      }
    }
    const auto buckets = std::bit_ceil(static_cast<std::uint32_t>(entries.size()) + 1);
    std::stable_sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
      return (a.hash & (buckets - 1)) < (b.hash & (buckets - 1));
    });

    std::string out;
    const auto word = [&out](std::size_t value) {
      const auto little = static_cast<std::uint32_t>(value);
      out.append(reinterpret_cast<const char*>(&little), sizeof little);
    };
    // Strings come first, so where a card begins is moved by their size.
    for (const std::size_t value : {std::size_t(kMagic), std::size_t(version_string),
                                    offsets_.size(), entries.size(), std::size_t(buckets),
                                    seller_names_.size()}) {
      word(value);
    }
    for (const std::string& name : seller_names_) word(put_string(name));
    std::size_t next = 0;
    for (std::uint32_t bucket = 0; bucket <= buckets; ++bucket) {
      while (next < entries.size() && (entries[next].hash & (buckets - 1)) < bucket) ++next;
      word(next);
    }
    for (const Entry& entry : entries) {
      out.append(reinterpret_cast<const char*>(&entry), sizeof entry);
    }
    for (const std::uint32_t offset : offsets_) word(offset + strings_.size());
    word(strings_.size() + cards_.size());
    return out + strings_ + cards_;
  }

 private:
  struct Claim {
    std::uint32_t card;
    std::uint16_t kind;
    const PriceCard* of;
  };
  using Key = std::pair<std::uint16_t, std::string>;

  std::uint16_t seller_of(std::string_view name) {
    const auto known = std::find(seller_names_.begin(), seller_names_.end(), name);
    if (known == seller_names_.end()) {
      put_string(name);
      seller_names_.emplace_back(name);
      return static_cast<std::uint16_t>(seller_names_.size() - 1);
    }
    return static_cast<std::uint16_t>(known - seller_names_.begin());
  }

  void add_name(std::uint16_t seller, const std::string& name, Claim claim) {
    std::vector<Claim>& claims = names_[{seller, name}];
    for (const Claim& other : claims) {
      if (other.of == claim.of) return;
      if (other.kind != claim.kind || other.of->id == claim.of->id) continue;
      if (shared_ == SharedNames::first_wins) return;
      if (mistake_.empty()) {
        mistake_ = "prices: '" + name + "' is a name of two cards, '" + other.of->id + "' and '" +
                   claim.of->id + "'";
      }
    }
    claims.push_back(claim);
  }

  // Names that exactly one maker sells, and those that several do.
  void add_names_of_makers() {
    std::map<std::string, std::vector<Claim>> of_makers;
    for (const auto& [key, claims] : names_) {
      if (!is_maker(seller_names_[key.first]) || is_open(key.second)) continue;
      for (const Claim& claim : claims) of_makers[key.second].push_back(claim);
    }
    const std::uint16_t any = seller_of(kAnyMaker);
    for (auto& [name, claims] : of_makers) {
      const bool several = std::any_of(claims.begin(), claims.end(), [&](const Claim& claim) {
        return claim.of->provider != claims.front().of->provider;
      });
      if (several) claims = {{0, kAmbiguous, claims.front().of}};
      names_[{any, name}] = claims;
    }
  }

  std::uint32_t put_string(std::string_view text) {
    const auto [slot, is_new] =
        string_offsets_.emplace(std::string(text), static_cast<std::uint32_t>(strings_.size()));
    if (is_new) {
      put_number(strings_, text.size());
      strings_.append(text);
    }
    return slot->second;
  }

  static void put_number(std::string& out, UInt128 value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(0x80 | static_cast<int>(value & 0x7f));
    out += static_cast<char>(value);
  }
  void put(UInt128 value) { put_number(cards_, value); }
  void put_text(std::string_view text) { put(put_string(text)); }
  void put_price(Int128 price) {
    std::uint64_t zeros = 0;
    for (; price != 0 && price % 10 == 0; price /= 10) ++zeros;
    put(static_cast<UInt128>(price));
    put(zeros);
  }

  void pack_card(const PriceCard& card, std::uint16_t seller) {
    const bool own_id = card.id != usual_id(card);
    const bool dated = card.from_day != kAlways;
    std::uint32_t flags = 0;
    const auto flag = [&flags](bool on, CardFlag bit) { flags |= on ? bit : 0u; };
    flag(card.tokenizer_public, kTokenizerPublic);
    flag(card.has_variants, kHasVariants);
    flag(card.web_search_per_query, kPerQuery);
    flag(card.web_search_per_prompt, kPerPrompt);
    flag(card.estimated, kEstimated);
    flag(own_id, kOwnId);
    flag(dated, kDated);
    put(flags);
    put(seller);
    for (const std::string* text : {&card.model, &card.region, &card.variant}) put_text(*text);
    if (own_id) put_text(card.id);
    if (dated) put(static_cast<std::uint32_t>(card.from_day));
    put_text(card.mode);
    put_text(card.tokenizer);
    put(card.aliases.size());
    for (const std::string& alias : card.aliases) put_text(alias);
    for (const std::uint64_t size : {card.context_window, card.max_output_tokens,
                                     card.embedding_dimensions, card.cache_min_tokens}) {
      put(size);
    }
    put(card.rates.size());
    for (const TokenRates& rates : card.rates) {
      put(static_cast<std::uint32_t>(rates.tier));
      put(rates.above_input_tokens);
      put(rates.published);
      for (std::size_t i = 0; i < kTokenClasses; ++i) {
        const auto name = static_cast<TokenClass>(i);
        if (rates.is_published(name)) put_price(rates.of(name));
      }
    }
    put(card.units.size());
    for (const UnitPrice& price : card.units) {
      put(static_cast<std::uint32_t>(price.unit));
      put_price(price.attodollars);
    }
    put(card.factors.size());
    for (const PriceFactor& factor : card.factors) {
      put(static_cast<std::uint32_t>(factor.condition));
      put_text(factor.value);
      put(factor.thousandths);
    }
    for (const std::string* note : {&card.notes.source, &card.notes.date, &card.notes.price_page,
                                    &card.notes.deprecation_date, &card.notes.comment}) {
      put_text(*note);
    }
  }

  const SharedNames shared_;
  std::string mistake_;
  std::string cards_, strings_;
  std::vector<std::uint32_t> offsets_;
  std::vector<std::string> seller_names_;
  std::unordered_map<std::string, std::uint32_t> string_offsets_;
  std::map<Key, std::vector<Claim>> names_;
};

}  // namespace

Result<std::string> pack_prices(const std::vector<PriceCard>& cards, std::string_view version,
                                SharedNames shared) {
  Packer packer(shared);
  for (const PriceCard& card : cards) packer.add(card);
  if (!packer.mistake().empty()) return Error(ErrorCode::invalid_config, packer.mistake());
  return packer.finish(version);
}

}  // namespace farebox
