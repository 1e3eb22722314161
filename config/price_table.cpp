#include "config/price_table.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "config/bundled_prices.hpp"
#include "config/price_index.hpp"
#include "config/price_reader.hpp"
#include "config/price_seller.hpp"
#include "config/small_file.hpp"

namespace farebox {

namespace {

constexpr std::size_t kMostFileOctets = 64 << 20;

// The provider of an override that doesn't name one.
constexpr std::string_view kEveryProvider = "*";

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_date(std::string_view year, std::string_view month, std::string_view day) {
  return all_digits(year) && all_digits(month) && all_digits(day) && year.starts_with("20") &&
         month >= "01" && month <= "12" && day >= "01" && day <= "31";
}

// The name without "-2024-07-18", "-20250929" or "@20250929"; empty when it has none.
std::string_view without_date(std::string_view name) {
  if (name.size() > 11) {
    const std::string_view end = name.substr(name.size() - 11);
    if (end[0] == '-' && end[5] == '-' && end[8] == '-' &&
        is_date(end.substr(1, 4), end.substr(6, 2), end.substr(9, 2))) {
      return name.substr(0, name.size() - 11);
    }
  }
  if (name.size() > 9) {
    const std::string_view end = name.substr(name.size() - 9);
    if ((end[0] == '-' || end[0] == '@') &&
        is_date(end.substr(1, 4), end.substr(5, 2), end.substr(7, 2))) {
      return name.substr(0, name.size() - 9);
    }
  }
  return {};
}

// A short name for an overlay's content, so that tables with different prices have
// different versions. FNV-1a: against mix-ups, not against anybody.
std::string short_hash(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(hash));
  return digits;
}

// Gives an override what it doesn't say itself: the other names of a card it hides, its
// sizes and its tokenizer.
void adopt(PriceCard& own, const PriceCard& hidden) {
  for (const std::string& alias : hidden.aliases) {
    if (std::find(own.aliases.begin(), own.aliases.end(), alias) == own.aliases.end()) {
      own.aliases.push_back(alias);
    }
  }
  if (own.tokenizer.empty()) {
    own.tokenizer = hidden.tokenizer;
    own.tokenizer_public = hidden.tokenizer_public;
  }
  if (own.mode.empty()) own.mode = hidden.mode;
  if (own.context_window == 0) own.context_window = hidden.context_window;
  if (own.max_output_tokens == 0) own.max_output_tokens = hidden.max_output_tokens;
  if (own.embedding_dimensions == 0) own.embedding_dimensions = hidden.embedding_dimensions;
  if (own.cache_min_tokens == 0) own.cache_min_tokens = hidden.cache_min_tokens;
}

// Does an override for that provider hide a card of that seller?
bool hides(const PriceCard& override_card, const PriceCard& other) {
  if (override_card.model != other.model || !other.variant.empty()) return false;
  if (override_card.provider == kEveryProvider) return true;
  const Sellers sellers = sellers_of(override_card.provider, DialectName::openai);
  return std::find(sellers.names.begin(), sellers.names.end(), other.provider) !=
         sellers.names.end();
}

}  // namespace

struct PriceTable::Data {
  enum class Names : std::uint8_t { unique, first_wins };

  // A later layer's cards replace those with the same id, and its names win. Inside a
  // layer a model's own name wins over an alias.
  struct Layered {
    std::shared_ptr<const PriceCard> card;
    std::uint32_t layer = 0;
  };

  std::string version = "none";
  std::vector<Layered> cards;
  bool overridden = false;
  PriceIndex index;

  std::uint32_t next_layer() const {
    std::uint32_t next = 0;
    for (const Layered& entry : cards) next = std::max(next, entry.layer + 1);
    return next;
  }

  void add(std::vector<PriceCard> added) {
    const std::uint32_t layer = next_layer();
    for (PriceCard& card : added) {
      std::erase_if(cards, [&](const Layered& old) { return old.card->id == card.id; });
      cards.push_back({std::make_shared<const PriceCard>(std::move(card)), layer});
    }
  }

  // Call once, after the last add. An error names two cards that claim one name.
  Result<void> build_index(Names last_layer) {
    const std::uint32_t last = cards.empty() ? 0 : next_layer() - 1;
    for (const auto& [card, layer] : cards) {
      const SellerId seller = index.add_seller(card->provider);
      if (!card->variant.empty()) continue;
      const bool may_repeat = layer == last && last_layer == Names::first_wins;
      const auto add_name = [&, &card = card, &layer = layer](std::string_view name, bool own) {
        const PriceCard* other = index.add(seller, name, card.get(), layer * 2 + (own ? 1 : 0));
        if (other == nullptr || may_repeat) return std::string();
        return "prices: '" + std::string(name) + "' is a name of two cards, '" + other->id +
               "' and '" + card->id + "'";
      };
      std::string mistake = add_name(card->model, true);
      for (const std::string& alias : card->aliases) {
        if (mistake.empty()) mistake = add_name(alias, false);
      }
      if (!mistake.empty()) return Error(ErrorCode::invalid_config, std::move(mistake));
    }
    index.finish();
    return {};
  }

  // The card of one spelling: an override for everybody, then the sellers in order.
  const PriceCard* find(const Sellers& sellers, std::string_view name) const {
    if (overridden) {
      if (const PriceCard* card = index.find(kEverybody, name)) return card;
    }
    for (const std::string_view seller_name : sellers.names) {
      const SellerId seller = seller_name.empty() ? kNobody : index.seller(seller_name);
      if (seller == kNobody) continue;
      if (const PriceCard* card = index.find(seller, name)) return card;
    }
    return sellers.named ? nullptr : index.find(kAnyMaker, name);
  }
};

PriceTable::PriceTable() : data_(std::make_shared<const Data>()) {}
PriceTable::PriceTable(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

Result<PriceTable> PriceTable::parse(std::string_view json, std::string_view source_name) {
  return PriceTable().extended(json, source_name);
}

Result<PriceTable> PriceTable::bundled() {
  const std::string_view text = bundled_prices();
  Result<PriceFile> file =
      read_price_file(text, text.size() + kBundledPricesPadding, "bundled prices");
  if (!file) return file.error();
  auto data = std::make_shared<Data>();
  data->version = std::move(file->version);
  data->add(std::move(file->cards));
  const Result<void> indexed = data->build_index(Data::Names::unique);
  if (!indexed) return indexed.error();
  return PriceTable(std::move(data));
}

Result<PriceTable> PriceTable::extended(std::string_view json, std::string_view source_name) const {
  Result<PriceFile> file = read_price_file(json, json.size(), source_name);
  if (!file) return file.error();
  auto data = std::make_shared<Data>();
  data->cards = data_->cards;
  data->overridden = data_->overridden;
  data->add(std::move(file->cards));
  if (data_->cards.empty()) {
    data->version = file->version.empty() ? short_hash(json) : std::move(file->version);
  } else {
    data->version = data_->version + "+" + short_hash(json);
  }
  const Result<void> indexed = data->build_index(Data::Names::unique);
  if (!indexed) {
    Error error = indexed.error();
    error.context = std::string(source_name) + ": " + error.context;
    return error;
  }
  return PriceTable(std::move(data));
}

Result<PriceTable> PriceTable::overridden(
    const std::map<std::string, std::string>& overrides) const {
  if (overrides.empty()) return *this;
  auto data = std::make_shared<Data>();
  data->cards = data_->cards;
  std::vector<PriceCard> added;
  std::string all_text;
  for (const auto& [model, json] : overrides) {
    Result<PriceCard> card = read_price_override(model, json);
    if (!card) return card.error();
    for (const bool of_makers : {true, false}) {  // the maker's sizes come first
      for (const auto& [other, layer] : data_->cards) {
        if (is_maker(other->provider) == of_makers && hides(*card, *other)) adopt(*card, *other);
      }
    }
    all_text.append(model).append(1, '\0').append(json).append(1, '\0');
    added.push_back(std::move(*card));
  }
  data->add(std::move(added));
  data->overridden = true;
  data->version = data_->version + "+" + short_hash(all_text);
  const Result<void> indexed = data->build_index(Data::Names::first_wins);
  if (!indexed) return indexed.error();
  return PriceTable(std::move(data));
}

const PriceCard* PriceTable::find(std::string_view provider, DialectName dialect,
                                  std::string_view model) const {
  if (model.empty()) return nullptr;
  const Sellers sellers = sellers_of(provider, dialect);
  if (const PriceCard* card = data_->find(sellers, model)) return card;
  constexpr std::string_view kModels = "models/";
  if (model.starts_with(kModels)) {
    model.remove_prefix(kModels.size());
    if (const PriceCard* card = data_->find(sellers, model)) return card;
  }
  const std::string_view undated = without_date(model);
  return undated.empty() ? nullptr : data_->find(sellers, undated);
}

std::string_view PriceTable::version() const { return data_->version; }
std::size_t PriceTable::size() const { return data_->cards.size(); }

Result<PriceTable> load_prices(const PriceSettings& settings) {
  Result<PriceTable> table = PriceTable::bundled();
  if (table && !settings.file.empty()) {
    const Result<std::string> text = read_small_file(settings.file, kMostFileOctets);
    if (!text) return Error(ErrorCode::invalid_config, "prices.file: " + text.error().context);
    table = table->extended(*text, settings.file);
  }
  if (table) table = table->overridden(settings.overrides);
  return table;
}

}  // namespace farebox
