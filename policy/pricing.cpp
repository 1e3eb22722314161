#include "policy/pricing.hpp"

#include "policy/price_walk.hpp"

namespace farebox {

namespace {

// Adds up; a part that can't be priced leaves `priced` false.
struct Tally {
  ExactSum sum;
  bool priced = true;
  Estimates estimated_by;

  void line(const PriceLine& line) {
    Int128 amount = 0;
    if (!line.amount(amount) || !sum.add(amount)) priced = false;
  }
  void unpriced(std::string_view, std::uint64_t, const PriceCard*) { priced = false; }
  void estimate(Estimate rule) { estimated_by.add(rule); }
};

}  // namespace

bool PriceLine::amount(Int128& yoctodollars) const {
  if (count > kMostCounted) return false;
  const std::uint64_t each = per == 1 ? factor : factor / per;
  // Every price there is but a few, and every factor: the product has 127 bits at most.
  constexpr Int128 kUsualPrice = Int128(1) << 47;
  constexpr std::uint64_t kUsualFactor = std::uint64_t{1} << 32;
  static_assert(kMostCounted == std::uint64_t{1} << 48);
  if (attodollars >= 0 && attodollars < kUsualPrice && each < kUsualFactor) {
    yoctodollars = attodollars * static_cast<Int128>(count) * each;
    return true;
  }
  Int128 amount = 0;
  if (__builtin_mul_overflow(attodollars, Int128(count), &amount) ||
      __builtin_mul_overflow(amount, Int128(each), &amount)) {
    return false;
  }
  yoctodollars = amount;
  return true;
}

PriceMatch match_answer(const PriceContext& context, std::string_view replied,
                        std::string_view requested) {
  const bool has_route = requested.size() > replied.size() && requested.starts_with(replied) &&
                         requested[replied.size()] == ':';
  const bool request_first = has_route || context.dialect == DialectName::bedrock;
  const PriceMatch match = context.match(request_first ? requested : replied);
  if (match.card != nullptr || requested == replied) return match;
  return context.match(request_first ? replied : requested);
}

namespace {

// Gateways whose prices move with the route a call takes; they say what they charged.
bool resells(const PriceCard* card) {
  return card != nullptr && (card->provider == "openrouter" || card->provider == "vercel-gateway");
}

}  // namespace

Bill price(const PriceMatch& match, const Usage& usage, const PriceContext& context) {
  Bill bill;
  bill.estimated = usage.source == UsageSource::estimated;
  if (usage.source == UsageSource::none) return bill;

  Tally tally;
  walk_prices(match, usage, context, tally);
  bill.cost = tally.sum.rounded(context.factor);
  bill.priced = tally.priced;
  bill.estimated_by = tally.estimated_by;
  if (usage.unusable_part) bill.estimated_by.add(Estimate::usage_part);
  const bool sure = bill.priced && !match.other_place && !resells(match.card);
  // Nothing charged by a gateway for what has a price: the caller's own key paid for it.
  const bool own_key = bill.priced && bill.cost > Money() && usage.reported_cost == Money();
  if (!sure && !own_key && usage.reported_cost && *usage.reported_cost >= Money()) {
    ExactSum stated;
    if (stated.add(usage.reported_cost->picodollars() * ExactSum::kPicodollar)) {
      if (bill.priced) bill.table_cost = bill.cost;
      bill.cost = stated.rounded(context.factor);
      bill.priced = bill.reported = true;
      bill.estimated_by = Estimates();
    }
  }
  bill.estimated = bill.estimated || !bill.estimated_by.empty();
  return bill;
}

Bill price(const PriceCard* card, const Usage& usage, const PriceTable& table,
           std::string_view provider, DialectName dialect) {
  PriceMatch match;
  match.card = card;
  return price(match, usage, PriceContext{.table = table, .provider = provider, .dialect = dialect});
}

ExtraCost price_extra(const PriceMatch& match, const UsageExtra& extra, const Usage& usage,
                      const PriceContext& context) {
  Tally tally;
  PriceWalk<Tally>(usage, context, tally).extra(match, extra);
  return {tally.sum.rounded(context.factor), tally.priced};
}

}  // namespace farebox
