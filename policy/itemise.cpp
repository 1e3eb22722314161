#include "policy/itemise.hpp"

#include "config/price_decimal.hpp"
#include "policy/price_walk.hpp"

namespace farebox {

namespace {

struct Lines {
  std::vector<BillLine> lines;

  void line(const PriceLine& line) {
    BillLine& row = lines.emplace_back();
    row.what = line.what;
    row.card = line.card->id;
    row.count = line.count;
    row.attodollars = line.attodollars;
    row.per = line.per;
    row.factor = line.factor;
    row.priced = line.amount(row.yoctodollars);
  }
  void unpriced(std::string_view what, std::uint64_t count, const PriceCard* card) {
    BillLine& row = lines.emplace_back();
    row.what = what;
    row.count = count;
    if (card != nullptr) row.card = card->id;
  }
  void estimate(Estimate) {}
};

constexpr int kYoctodollarPlaces = 24;

}  // namespace

std::string BillLine::unit_usd() const {
  return write_decimal(attodollars * ExactSum::kAttodollar / per, kYoctodollarPlaces);
}

std::string BillLine::amount_usd() const {
  return write_decimal(yoctodollars, kYoctodollarPlaces);
}

ItemisedBill itemise(const PriceMatch& match, const Usage& usage, const PriceContext& context) {
  ItemisedBill itemised;
  itemised.factor = context.factor;
  itemised.bill = price(match, usage, context);
  if (usage.source == UsageSource::none) return itemised;
  Lines lines;
  walk_prices(match, usage, context, lines);
  itemised.lines = std::move(lines.lines);
  return itemised;
}

}  // namespace farebox
