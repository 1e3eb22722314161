#include "config/packed_prices.hpp"

#include "config/base/check.hpp"
#include "config/price_text.hpp"

namespace farebox {

using namespace packed_prices;

namespace {

// Reads the varints of a card, which pack_card wrote.
class Take {
 public:
  explicit Take(std::string_view octets) : rest_(octets) {}

  UInt128 wide() {
    UInt128 value = 0;
    for (int shift = 0;; shift += 7) {
      CHECK(!rest_.empty() && shift < 128);
      const auto octet = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= UInt128(octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
  }
  std::uint64_t number() { return static_cast<std::uint64_t>(wide()); }
  std::uint32_t small() { return static_cast<std::uint32_t>(wide()); }

  // A price: its digits, and how many zeros follow them.
  Int128 price() {
    auto value = static_cast<Int128>(wide());
    for (std::uint64_t zeros = number(); zeros > 0; --zeros) value *= 10;
    return value;
  }

 private:
  std::string_view rest_;
};

void take_rates(Take& take, PriceCard& card) {
  card.rates.resize(take.small());
  for (TokenRates& rates : card.rates) {
    rates.per_token.fill(kUnpublished);
    rates.tier = static_cast<PriceTier>(take.small());
    rates.above_input_tokens = take.number();
    const std::uint32_t published = take.small();
    for (std::size_t i = 0; i < kTokenClasses; ++i) {
      if ((published >> i & 1u) != 0) {
        rates.publish(static_cast<TokenClass>(i), static_cast<Attodollars>(take.price()));
      }
    }
  }
}

}  // namespace

std::shared_ptr<const PackedPrices> PackedPrices::of(std::string octets) {
  std::shared_ptr<PackedPrices> prices(new PackedPrices);
  prices->owned_ = std::move(octets);
  prices->open(prices->owned_);
  return prices;
}

std::shared_ptr<const PackedPrices> PackedPrices::in_place(std::string_view octets) {
  std::shared_ptr<PackedPrices> prices(new PackedPrices);
  prices->open(octets);
  return prices;
}

PackedPrices::~PackedPrices() {
  for (std::size_t i = 0; i < cards_; ++i) delete unpacked_[i].load();
}

void PackedPrices::open(std::string_view octets) {
  words_ = octets.data();
  CHECK(octets.size() >= kHeaderWords * 4 && word(0) == kMagic);
  cards_ = word(2);
  entries_ = word(3);
  buckets_ = word(4);
  sellers_ = word(5);
  first_bucket_ = kHeaderWords + sellers_;
  first_entry_ = first_bucket_ + buckets_ + 1;
  first_card_ = first_entry_ + std::size_t(entries_) * (sizeof(Entry) / 4);
  const std::size_t begin = (first_card_ + cards_ + 1) * 4;
  CHECK(begin <= octets.size() && word(first_card_ + cards_) == octets.size() - begin);
  octets_ = octets.substr(begin);
  unpacked_ = std::make_unique<std::atomic<const PriceCard*>[]>(cards_);
}

std::string_view PackedPrices::string(std::uint32_t offset) const {
  std::uint32_t size = static_cast<unsigned char>(octets_[offset]);
  if (size < 0x80) return {octets_.data() + offset + 1, size};
  size = 0;
  for (int shift = 0;; shift += 7) {
    const auto octet = static_cast<unsigned char>(octets_[offset++]);
    size |= std::uint32_t(octet & 0x7f) << shift;
    if (octet < 0x80) break;
  }
  return octets_.substr(offset, size);
}

std::string_view PackedPrices::version() const { return string(word(1)); }

std::string_view PackedPrices::seller(std::size_t index) const {
  return string(word(kHeaderWords + index));
}

const PriceCard* PackedPrices::find(std::string_view seller_name, std::string_view name,
                                    std::int32_t day) const {
  if (cards_ == 0 || name.empty() || name.size() > price_text::kLongestName) return nullptr;
  // A name is nearer than another when less had to be changed to find it.
  enum Nearness : int { far, differs_in_capitals, in_lower_case, exact };
  const std::uint32_t hash = price_text::hash_of(seller_name, name);
  const std::uint32_t bucket = hash & (buckets_ - 1);
  const PriceCard* best = nullptr;
  bool best_is_alias = false;
  bool ambiguous = false;
  int nearest = far;
  const std::uint32_t end = word(first_bucket_ + bucket + 1);
  for (std::uint32_t i = word(first_bucket_ + bucket); i < end; ++i) {
    const Entry each = entry(i);
    if (each.hash != hash) continue;
    const std::string_view text = string(each.name);
    const bool is_exact = text == name;
    if (!is_exact && !price_text::equal_but_for_case(text, name)) continue;
    if (seller(each.seller) != seller_name) continue;
    const int nearness = is_exact                          ? exact
                         : !price_text::has_capitals(text) ? in_lower_case
                                                           : differs_in_capitals;
    if (nearness < nearest) continue;
    if (each.kind == kAmbiguous) {
      if (nearness > nearest) best = nullptr;
      nearest = nearness;
      continue;
    }
    const PriceCard& found = card(each.card);
    if (found.from_day > day) continue;
    const bool is_alias = each.kind == kAlias;
    if (nearness == nearest && best != nullptr) {
      if (is_alias && !best_is_alias) continue;
      if (is_alias == best_is_alias) {
        if (found.id != best->id && nearness == differs_in_capitals) ambiguous = true;
        if (found.from_day <= best->from_day) continue;
      }
    } else {
      ambiguous = false;
    }
    best = &found;
    best_is_alias = is_alias;
    nearest = nearness;
  }
  return ambiguous ? nullptr : best;
}

bool PackedPrices::is_ambiguous(std::string_view name) const {
  if (cards_ == 0 || name.size() > price_text::kLongestName) return false;
  const std::uint32_t hash = price_text::hash_of(kAnyMaker, name);
  const std::uint32_t bucket = hash & (buckets_ - 1);
  const std::uint32_t end = word(first_bucket_ + bucket + 1);
  for (std::uint32_t i = word(first_bucket_ + bucket); i < end; ++i) {
    const Entry each = entry(i);
    if (each.hash == hash && each.kind == kAmbiguous && string(each.name) == name) return true;
  }
  return false;
}

const PriceCard& PackedPrices::card(std::size_t index) const {
  CHECK(index < cards_);
  std::atomic<const PriceCard*>& slot = unpacked_[index];
  if (const PriceCard* card = slot.load(std::memory_order_acquire)) return *card;
  std::unique_ptr<const PriceCard> made = unpack(index);
  const PriceCard* first = nullptr;
  // Two threads may unpack a card at once; the first keeps its own.
  if (slot.compare_exchange_strong(first, made.get(), std::memory_order_acq_rel)) {
    return *made.release();
  }
  return *first;
}

std::unique_ptr<const PriceCard> PackedPrices::unpack(std::size_t index) const {
  Take take(octets_.substr(word(first_card_ + index)));
  const auto text = [&] { return std::string(string(take.small())); };
  auto card = std::make_unique<PriceCard>();
  const std::uint32_t flags = take.small();
  card->tokenizer_public = (flags & kTokenizerPublic) != 0;
  card->has_variants = (flags & kHasVariants) != 0;
  card->web_search_per_query = (flags & kPerQuery) != 0;
  card->web_search_per_prompt = (flags & kPerPrompt) != 0;
  card->estimated = (flags & kEstimated) != 0;
  card->provider = seller(take.small());
  card->model = text();
  card->region = text();
  card->variant = text();
  card->id = (flags & kOwnId) != 0 ? text() : usual_id(*card);
  if ((flags & kDated) != 0) card->from_day = static_cast<std::int32_t>(take.small());
  card->mode = text();
  card->tokenizer = text();
  card->aliases.resize(take.small());
  for (std::string& alias : card->aliases) alias = text();
  card->context_window = take.number();
  card->max_output_tokens = take.number();
  card->embedding_dimensions = take.number();
  card->cache_min_tokens = take.number();
  take_rates(take, *card);
  card->units.resize(take.small());
  for (UnitPrice& price : card->units) {
    price.unit = static_cast<PriceUnit>(take.small());
    price.attodollars = take.price();
  }
  card->factors.resize(take.small());
  for (PriceFactor& factor : card->factors) {
    factor.condition = static_cast<PriceCondition>(take.small());
    factor.value = text();
    factor.thousandths = take.small();
  }
  PriceNotes& notes = card->notes;
  for (std::string* note : {&notes.source, &notes.date, &notes.price_page,
                            &notes.deprecation_date, &notes.comment}) {
    *note = text();
  }
  complete_rates(*card);
  return card;
}

}  // namespace farebox
