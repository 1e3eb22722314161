#include "policy/worst_case.hpp"

#include <algorithm>
#include <initializer_list>

#include "policy/price_rules.hpp"

namespace farebox {

namespace {

// A search unit covers a hundred documents, and a document that counts takes more than
// one octet of the body.
constexpr Tokens kOctetsPerQuery = 100;

struct Bound {
  Usage usage;
  ExactSum sum;
  bool priced = true;

  void add(Int128 amount) {
    if (!sum.add(amount)) priced = false;
  }
  void add_units(const UnitPrice* price, std::uint64_t count) {
    Int128 amount = 0;
    if (price == nullptr || count > kMostCounted ||
        __builtin_mul_overflow(price->attodollars, Int128(count), &amount) ||
        __builtin_mul_overflow(amount, ExactSum::kAttodollar, &amount)) {
      priced = false;
      return;
    }
    add(amount);
  }
};

bool is_one_of(std::string_view mode, std::initializer_list<std::string_view> modes) {
  return std::find(modes.begin(), modes.end(), mode) != modes.end();
}

// Answers of text. An override without a card behind it has no mode: it is for text.
bool answers_in_text(const PriceCard& card) {
  return is_one_of(card.mode, {"chat", "responses", "completion", ""});
}

// Each of the choices may be as long as `most`. Asking for more than was ever used
// can't be priced, and must not spoil the sums of a ledger either.
Tokens of_all_choices(Tokens most, const CallSize& size, Bound& bound) {
  Tokens all = 0;
  if (!__builtin_mul_overflow(most, std::max<Tokens>(size.choices, 1), &all) &&
      all <= kMostCounted) {
    return all;
  }
  bound.priced = false;
  return kMostCounted;
}

// What is transcribed is media, however the body carries it.
bool is_text(const PriceCard& card, const CallSize& size) {
  return size.input_is_whole && card.mode != "transcription";
}

void bound_input(const PriceCard& card, const CallSize& size, Bound& bound) {
  bound.usage.input = size.input_octets;
  if (is_text(card, size)) return;
  // An embedding call carries many inputs, each of them as large as the window.
  if (card.context_window == 0 || card.mode == "embedding") {
    bound.priced = false;
    return;
  }
  Tokens all = 0;
  const Tokens window = std::max<Tokens>(card.context_window, size.least_window);
  const bool fits = !__builtin_mul_overflow(window, size.windows, &all);
  if (!fits || all > kMostCounted) bound.priced = false;
  bound.usage.input = fits ? std::min<Tokens>(all, kMostCounted) : kMostCounted;
}

void bound_output(const PriceCard& card, const CallSize& size, Bound& bound) {
  if (is_one_of(card.mode, {"embedding", "rerank", "moderation"})) return;
  Tokens most = size.max_output_tokens != 0 ? size.max_output_tokens : card.max_output_tokens;
  if (most == 0) {
    most = size.default_max_output_tokens;
    if (most == 0 || !answers_in_text(card)) bound.priced = false;
  }
  Tokens each = 0;
  if (__builtin_add_overflow(most, size.added_output_tokens, &each)) each = kMostCounted;
  bound.usage.output = of_all_choices(each, size, bound);
}

Attodollars dearest(const TokenRates& rates, std::initializer_list<TokenClass> classes) {
  Attodollars most = 0;
  for (const TokenClass name : classes) most = std::max(most, rates.of(name));
  return most;
}

// Text can be read from the cache or written to it. Media are audio and images besides.
Attodollars dearest_input(const TokenRates& rates, bool text) {
  const Attodollars most = dearest(rates, {TokenClass::input, TokenClass::cache_read,
                                           TokenClass::cache_write_5m, TokenClass::cache_write_1h});
  if (text) return most;
  return std::max(most, dearest(rates, {TokenClass::audio_input, TokenClass::audio_cache_read,
                                        TokenClass::audio_cache_write, TokenClass::image_input}));
}

// A card that sells spoken or drawn output is of a model that may answer so unasked.
Attodollars dearest_output(const TokenRates& rates) {
  return dearest(rates, {TokenClass::output, TokenClass::reasoning, TokenClass::audio_output,
                         TokenClass::image_output});
}

// The dearest factor of a condition, in thousandths: at least one, for a reply that
// names nothing.
std::uint32_t dearest_factor(const PriceCard& card, PriceCondition condition) {
  std::uint32_t most = 1'000;
  for (const PriceFactor& factor : card.factors) {
    if (factor.condition == condition) most = std::max(most, factor.thousandths);
  }
  return most;
}

// The dearest row that an input up to the bound can come under. A tier that isn't sold
// is priced by the standard rows, so those must exist.
void add_tokens(const PriceCard& card, bool text, std::string_view place, Bound& bound) {
  const Tokens input = bound.usage.input;
  const Tokens output = bound.usage.output;
  if (input == 0 && output == 0) return;
  if (input > kMostCounted || card.rates_for(PriceTier::standard, 0) == nullptr) {
    bound.priced = false;
    return;
  }
  Int128 most = 0;
  for (const TokenRates& rates : card.rates) {
    if (rates.above_input_tokens != 0 && input <= rates.above_input_tokens) continue;
    if ((input != 0 && rates.of(TokenClass::input) == kUnpublished) ||
        (output != 0 && rates.of(TokenClass::output) == kUnpublished)) {
      bound.priced = false;
    }
    // 2^48 of something at 1e18 is less than 3e32; the sum of two can't overflow.
    most = std::max(most, Int128(dearest_input(rates, text)) * Int128(input) +
                              Int128(dearest_output(rates)) * Int128(output));
    if (rates.of(TokenClass::citation) > 0) bound.priced = false;
  }
  Int128 factor = Int128(dearest_factor(card, PriceCondition::inference_geo)) *
                  dearest_factor(card, PriceCondition::speed);
  // Three factors in thousandths are a millionth of a thousandth: rounded up.
  const std::uint32_t residency =
      place.empty() ? 1'000 : dearest_factor(card, PriceCondition::data_residency);
  factor = (factor * residency + 999) / 1'000;
  if (__builtin_mul_overflow(most, factor, &most)) bound.priced = false;
  else bound.add(most);
}

const UnitPrice* dearest_unit(const PriceCard& card, std::initializer_list<PriceUnit> units) {
  const UnitPrice* most = nullptr;
  for (const PriceUnit unit : units) {
    const UnitPrice* price = card.unit(unit);
    if (price != nullptr && (most == nullptr || price->attodollars > most->attodollars)) {
      most = price;
    }
  }
  return most;
}

// What is sold by the piece and can be counted beforehand. Characters and pieces are
// added to tokens, though a reply that reports tokens isn't charged for both.
void add_pieces(const PriceCard& card, const CallSize& size, Bound& bound) {
  bool sells_pieces = false;
  if (const UnitPrice* price = card.unit(PriceUnit::character_input)) {
    bound.usage.characters = size.input_octets;
    bound.add_units(price, size.input_octets);
    sells_pieces = size.input_is_whole;
  }
  if (const UnitPrice* price = card.unit(PriceUnit::query)) {
    bound.usage.queries = 1 + size.input_octets / kOctetsPerQuery;
    bound.add_units(price, bound.usage.queries);
    sells_pieces = size.input_is_whole;
  }
  const UnitPrice* image = dearest_unit(card, {PriceUnit::image_output, PriceUnit::image_input});
  if (card.mode == "image" && image != nullptr) {
    bound.usage.images = std::max<Tokens>(size.choices, 1);
    bound.add_units(image, bound.usage.images);
    if (card.has_variants) bound.priced = false;  // a larger size costs more
    sells_pieces = true;
  }
  if (card.rates.empty() && !sells_pieces) bound.priced = false;

  const UnitPrice* fee =
      dearest_unit(card, {PriceUnit::request, PriceUnit::request_low, PriceUnit::request_medium,
                          PriceUnit::request_high});
  if (fee != nullptr) bound.add_units(fee, 1);
}

// Fees of tools, each at its dearest; one without a price can't be bounded.
void add_tools(const PriceCard& card, const CallSize& size, Bound& bound) {
  const auto add = [&](std::initializer_list<PriceUnit> units, std::uint64_t uses) {
    if (uses != 0) bound.add_units(dearest_unit(card, units), uses);
  };
  add({kSearchSizes.low, kSearchSizes.medium, kSearchSizes.high}, size.web_searches);
  add({PriceUnit::web_fetch}, size.web_fetches);
  // Sold by the thousand: what is begun is paid.
  add({PriceUnit::file_search_1k_calls}, (size.file_searches + 999) / 1'000);
  add({PriceUnit::code_interpreter_session}, size.code_sessions);
}

}  // namespace

WorstCase worst_case(const PriceCard* card, const CallSize& size, const PriceContext& context) {
  Bound bound;
  bound.priced = !size.unbounded;
  if (card == nullptr) {
    bound.priced = false;
    bound.usage.input = size.input_octets;
    bound.usage.output = of_all_choices(size.max_output_tokens != 0
                                            ? size.max_output_tokens
                                            : size.default_max_output_tokens,
                                        size, bound);
  } else {
    // A card without rates sells no tokens: its calls are bounded by pieces alone.
    if (!card->rates.empty()) {
      bound_input(*card, size, bound);
      bound_output(*card, size, bound);
      add_tokens(*card, is_text(*card, size), context.place, bound);
    }
    add_pieces(*card, size, bound);
    add_tools(*card, size, bound);
  }
  bound.usage.source = UsageSource::estimated;

  WorstCase worst;
  worst.bill.cost = bound.sum.rounded_up(context.factor);
  worst.bill.priced = bound.priced;
  worst.bill.estimated = true;
  worst.usage = std::move(bound.usage);
  return worst;
}

WorstCase worst_case(const PriceCard* card, const CallSize& size, const PriceTable& table,
                     std::string_view provider, DialectName dialect) {
  return worst_case(card, size,
                    PriceContext{.table = table, .provider = provider, .dialect = dialect});
}

}  // namespace farebox
