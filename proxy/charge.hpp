// Charge: puts what a usage costs into the record that has it. Used when a call ends and
// when a record is priced again, so that both agree.
#pragma once

#include "policy/pricing.hpp"
#include "storage/record.hpp"

namespace farebox {

// Prices `record.usage` with the card that was matched: cost, whether it is known, whose
// price it is, what was estimated, and what each of the extras adds.
void charge(Record& record, const PriceMatch& match, const PriceContext& context);

// Speech whose model has a price for characters and whose reply, sound, says nothing: the
// characters of the request are its usage.
bool is_sold_by_character(const PriceCard* card, const Usage& usage);

}  // namespace farebox
