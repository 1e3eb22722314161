#include "proxy/charge.hpp"

namespace farebox {

bool is_sold_by_character(const PriceCard* card, const Usage& usage) {
  return usage.source == UsageSource::none && usage.characters > 0 && card != nullptr &&
         card->unit(PriceUnit::character_input) != nullptr;
}

void charge(Record& record, const PriceMatch& match, const PriceContext& context) {
  const Usage& usage = record.usage;
  const Bill bill = price(match, usage, context);
  record.cost = bill.cost;
  record.priced = bill.priced;
  if (bill.reported) record.price_version = "reported";
  record.table_cost = bill.table_cost;
  record.estimated_by.add(bill.estimated_by);
  record.estimated = bill.estimated || usage.source == UsageSource::estimated;
  record.extras.clear();
  record.extras.reserve(usage.extras.size());
  for (const UsageExtra& extra : usage.extras) {
    const ExtraCost cost = price_extra(match, extra, usage, context);
    ExtraRecord& row = record.extras.emplace_back();
    row.type = extra.type;
    row.model = extra.model.empty() ? record.model : extra.model;
    row.input = extra.input;
    row.output = extra.output;
    row.cost = cost.cost;
    row.priced = cost.priced;
    row.count = extra.count;
    row.cached_input = extra.cached_input;
    row.cache_write = extra.cache_write;
    row.cache_write_1h = extra.cache_write_1h;
  }
}

}  // namespace farebox
