#include "config/price_table.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "config/bundled_prices.hpp"
#include "config/price_layers.hpp"
#include "config/price_packer.hpp"
#include "config/price_reader.hpp"
#include "config/price_seller.hpp"
#include "config/price_signature.hpp"
#include "config/price_text.hpp"
#include "config/small_file.hpp"

namespace farebox {

namespace {

constexpr std::size_t kMostFileOctets = 64 << 20;
constexpr std::size_t kMostSignatureOctets = 4096;
constexpr std::int32_t kAnyDay = INT32_MAX;

// A short name for an overlay's content, so that tables with different prices have
// different versions. FNV-1a: against mix-ups, not against anybody.
std::string short_hash(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(hash));
  return digits;
}

std::int32_t day_of(WallTime when) {
  return static_cast<std::int32_t>(
      std::chrono::floor<std::chrono::days>(when).time_since_epoch().count());
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

// Does an override for that provider hide cards of that seller?
bool hides(std::string_view provider, std::string_view seller) {
  if (provider == kEveryProvider) return true;
  const Sellers sellers = sellers_of(provider, DialectName::openai);
  return std::find(sellers.names.begin(), sellers.names.end(), seller) != sellers.names.end();
}

void adopt_hidden(PriceCard& own, const PriceLayers& layers) {
  for (const bool of_makers : {true, false}) {  // the maker's sizes come first
    for (const auto& file : layers.files) {
      for (std::size_t i = 0; i < file->sellers(); ++i) {
        const std::string_view seller = file->seller(i);
        if (is_maker(seller) != of_makers || seller == kAnyMaker) continue;
        if (!hides(own.provider, seller)) continue;
        const PriceCard* const hidden = file->find(seller, own.model, kAnyDay);
        if (hidden != nullptr && hidden->model == own.model) adopt(own, *hidden);
      }
    }
  }
}

Result<void> check_signed(const PriceSettings& settings, std::string_view text) {
  const std::string beside = settings.file + ".sig";
  const Result<std::string> signature = read_small_file(beside, kMostSignatureOctets);
  if (!signature) {
    return Error(ErrorCode::invalid_config,
                 "prices.public_key is set, so " + settings.file + " needs its signature in " +
                     beside + ": " + signature.error().context);
  }
  Result<void> checked = check_price_signature(text, *signature, settings.public_key);
  if (checked) return checked;
  return Error(ErrorCode::invalid_config, settings.file + ": " + checked.error().context);
}

}  // namespace

struct PriceTable::Data {
  std::string version = "none";
  PriceLayers layers;
};

PriceTable::PriceTable() : data_(std::make_shared<Data>()) {}
PriceTable::PriceTable(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

Result<PriceTable> PriceTable::parse(std::string_view json, std::string_view source_name) {
  return PriceTable().extended(json, source_name);
}

Result<PriceTable> PriceTable::bundled() {
  auto data = std::make_shared<Data>();
  data->layers.files.push_back(PackedPrices::in_place(bundled_prices()));
  data->version = data->layers.files.front()->version();
  return PriceTable(std::move(data));
}

Result<PriceTable> PriceTable::extended(std::string_view json, std::string_view source_name) const {
  Result<PriceFile> file = read_price_file(json, json.size(), source_name);
  if (!file) return file.error();
  auto data = std::make_shared<Data>(*data_);
  if (data_->layers.files.empty()) {
    data->version = file->version.empty() ? short_hash(json) : file->version;
  } else {
    data->version = data_->version + "+" + short_hash(json);
  }
  Result<std::string> octets = pack_prices(file->cards, file->version, SharedNames::refused);
  if (!octets) {
    Error error = octets.error();
    error.context = std::string(source_name) + ": " + error.context;
    return error;
  }
  data->layers.files.push_back(PackedPrices::of(std::move(*octets)));
  return PriceTable(std::move(data));
}

Result<PriceTable> PriceTable::overridden(
    const std::map<std::string, std::string>& overrides) const {
  if (overrides.empty()) return *this;
  auto data = std::make_shared<Data>(*data_);
  std::vector<PriceCard> added;
  std::string all_text;
  for (const auto& [model, json] : overrides) {
    Result<std::vector<PriceCard>> cards = read_price_override(model, json);
    if (!cards) return cards.error();
    all_text.append(model).append(1, '\0').append(json).append(1, '\0');
    for (PriceCard& card : *cards) {
      adopt_hidden(card, data_->layers);
      added.push_back(std::move(card));
    }
  }
  Result<std::string> octets = pack_prices(added, "", SharedNames::first_wins);
  if (!octets) return octets.error();
  data->layers.files.push_back(PackedPrices::of(std::move(*octets)));
  data->layers.overridden = true;
  data->version = data_->version + "+" + short_hash(all_text);
  return PriceTable(std::move(data));
}

PriceMatch PriceTable::match(const PriceQuery& query) const {
  return resolve_name(data_->layers, {query.provider, query.dialect, query.model, query.place,
                                      day_of(query.when)});
}

const PriceCard* PriceTable::find(std::string_view provider, DialectName dialect,
                                  std::string_view model) const {
  return match({.provider = provider, .dialect = dialect, .model = model}).card;
}

const PriceCard* PriceTable::variant_of(const PriceCard& card, std::string_view variant,
                                        WallTime when) const {
  char text[price_text::kLongestName];
  const auto look = [&](std::string_view quality, std::string_view size) -> const PriceCard* {
    if (card.model.size() + 1 + quality.size() + size.size() > sizeof text) return nullptr;
    std::size_t end = 0;
    for (const std::string_view part : {std::string_view(card.model), std::string_view("#"),
                                        quality, size}) {
      std::memcpy(text + end, part.data(), part.size());
      end += part.size();
    }
    return data_->layers.find(card.provider, {text, end}, day_of(when));
  };
  if (variant.empty()) return nullptr;
  if (const PriceCard* own = look("", variant)) return own;
  const std::size_t slash = variant.find('/');
  if (slash == variant.npos) return look("standard/", variant);
  return variant.substr(0, slash) == "standard" ? look("", variant.substr(slash + 1)) : nullptr;
}

std::string_view PriceTable::version() const { return data_->version; }

std::size_t PriceTable::size() const {
  std::size_t cards = 0;
  each([&cards](const PriceCard&) { ++cards; });
  return cards;
}

void PriceTable::each(const std::function<void(const PriceCard&)>& visit) const {
  const auto& files = data_->layers.files;
  for (std::size_t i = files.size(); i-- > 0;) {
    for (std::size_t index = 0; index < files[i]->size(); ++index) {
      const PriceCard& card = files[i]->card(index);
      const bool replaced = std::any_of(files.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                        files.end(), [&](const auto& later) {
        const PriceCard* const own = later->find(card.provider, card.model, kAnyDay);
        return own != nullptr && own->id == card.id;
      });
      if (!replaced) visit(card);
    }
  }
}

Result<PriceTable> load_prices(const PriceSettings& settings) {
  Result<PriceTable> table = PriceTable::bundled();
  if (table && !settings.file.empty()) {
    const Result<std::string> text = read_small_file(settings.file, kMostFileOctets);
    if (!text) return Error(ErrorCode::invalid_config, "prices.file: " + text.error().context);
    if (!settings.public_key.empty()) {
      const auto signed_by = check_signed(settings, *text);
      if (!signed_by) return signed_by.error();
    }
    table = table->extended(*text, settings.file);
  }
  if (table) table = table->overridden(settings.overrides);
  return table;
}

}  // namespace farebox
