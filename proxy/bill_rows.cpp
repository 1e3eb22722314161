#include "proxy/bill_rows.hpp"

#include <algorithm>
#include <array>

namespace farebox {
namespace {

constexpr int kYoctoPlaces = 24;  // places of a count times a price per token times a factor

// What is left of `whole` after taking up to `part` off it; returns what was taken.
Tokens take(Tokens& whole, Tokens part) {
  const Tokens taken = std::min(whole, part);
  whole -= taken;
  return taken;
}

struct ClassCount {
  TokenClass name;
  Tokens count;
};

std::array<ClassCount, 11> classes_of(const Usage& usage) {
  Tokens fresh = usage.input;
  Tokens read = take(fresh, usage.cached_input);
  Tokens written = take(fresh, usage.cache_write);
  const Tokens hour = take(written, usage.cache_write_1h);
  const Tokens audio = take(fresh, usage.audio_input);
  const Tokens cached_audio = take(read, std::min(usage.audio_input, usage.input) - audio);
  const Tokens image = take(fresh, usage.image_input);
  Tokens text = usage.output;
  const Tokens reasoning = take(text, usage.reasoning);
  const Tokens audio_out = take(text, usage.audio_output);
  const Tokens image_out = take(text, usage.image_output);
  return {{{TokenClass::input, fresh},
           {TokenClass::cache_read, read},
           {TokenClass::cache_write_5m, written},
           {TokenClass::cache_write_1h, hour},
           {TokenClass::audio_input, audio},
           {TokenClass::audio_cache_read, cached_audio},
           {TokenClass::image_input, image},
           {TokenClass::output, text},
           {TokenClass::reasoning, reasoning},
           {TokenClass::audio_output, audio_out},
           {TokenClass::image_output, image_out}}};
}

PriceTier tier_in(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (word.ends_with("priority") || word == "fast") return PriceTier::priority;
  if (word.ends_with("flex")) return PriceTier::flex;
  return word == "batch" ? PriceTier::batch : PriceTier::standard;
}

// In millionths.
Int128 factor_in(const PriceCard& card, const Usage& usage) {
  Int128 factor = 1'000'000;
  for (const auto& [condition, value] : {std::pair{PriceCondition::inference_geo, usage.inference_geo},
                                         std::pair{PriceCondition::speed, usage.speed}}) {
    const std::uint32_t thousandths = value.empty() ? 0 : card.factor(condition, value);
    if (thousandths != 0) factor = factor * thousandths / 1'000;
  }
  return factor;
}

}  // namespace

std::string decimal_text(Int128 amount, int places) {
  std::string digits;
  const bool negative = amount < 0;
  for (Int128 rest = negative ? -amount : amount; rest != 0; rest /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  const auto shown = static_cast<std::size_t>(places);
  if (digits.size() <= shown) digits.insert(0, shown + 1 - digits.size(), '0');
  if (places > 0) {
    digits.insert(digits.size() - shown, 1, '.');
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
  }
  return negative ? "-" + digits : digits;
}

// FIXME: `itemise` of policy tells the lines of every kind of bill; until it is connected
// here, all that isn't a token of the top level stands in one last row.
std::vector<BillRow> rows_of(const ReplyBill& found) {
  std::vector<BillRow> rows;
  const Usage& usage = found.reading.usage;
  if (!found.billed || usage.source == UsageSource::none || found.card == nullptr) return rows;
  const TokenRates* rates = found.card->rates_for(tier_in(usage.service_tier), usage.input);
  if (rates == nullptr) rates = found.card->rates_for(PriceTier::standard, usage.input);
  const Int128 factor = factor_in(*found.card, usage);
  Int128 sum = 0;
  for (const ClassCount& each : classes_of(usage)) {
    if (each.count == 0) continue;
    BillRow& row = rows.emplace_back();
    row.what = name_of(each.name);
    row.count = std::to_string(each.count);
    row.per = "1000000";
    row.times = decimal_text(factor, 6);
    const Attodollars price = rates == nullptr ? kUnpublished : rates->of(each.name);
    if (price == kUnpublished) continue;
    row.usd = decimal_text(price, 12);
    Int128 amount = 0;
    if (__builtin_mul_overflow(Int128(price) * factor, Int128(each.count), &amount)) continue;
    row.amount = decimal_text(amount, kYoctoPlaces);
    if (__builtin_add_overflow(sum, amount, &sum)) return {};
  }
  constexpr Int128 kPicodollar = 1'000'000'000'000;
  const Int128 rest = found.bill.cost.picodollars() - (sum + kPicodollar / 2) / kPicodollar;
  if (found.bill.priced && rest != 0) {
    rows.push_back({"pieces, tools and sub-inferences", "", "", "1", "1",
                    Money::picodollars(rest).decimal()});
  }
  return rows;
}

}  // namespace farebox
