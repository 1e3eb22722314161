// The end of a stored record: what few of them have, so that the others don't pay for it.
//
//   more     := has:varint, then for each bit that is set, in this order:
//                 1 citation pages annotated_pages : varint    2 variant search_context : text
//                 4 reported_cost : varint128                  8 estimated_by : varint
//                 16 price_factor : varint                     32 corrects corrected_at : varint
//                 64 table_cost : varint128            128 audit : text  before : varint
//                 256 route_variant : text             512 saved : varint128
//
// Part of record_codec.
#pragma once

#include <cstdint>

#include "storage/octets.hpp"
#include "storage/record.hpp"

namespace farebox {

// The bits of `has`.
enum More : std::uint16_t {
  kPieces = 1,
  kVariant = 2,
  kReportedCost = 4,
  kEstimatedBy = 8,
  kPriceFactor = 16,
  kCorrects = 32,
  kTableCost = 64,
  kAuditText = 128,
  kRouteVariant = 256,
  kSaved = 512,
};
inline constexpr std::uint64_t kEveryMore = 1023;

template <class Writer>
void put_more(Writer& put, const Record& record) {
  const Usage& usage = record.usage;
  const bool pieces = usage.citation != 0 || usage.pages != 0;
  const bool variant = !usage.variant.empty() || !usage.search_context.empty();
  const bool factor = record.price_factor != Record::kNoFactor;
  put.varint(static_cast<std::uint64_t>(
      (pieces ? kPieces : 0) | (variant ? kVariant : 0) |
      (usage.reported_cost ? kReportedCost : 0) | (record.estimated_by.empty() ? 0 : kEstimatedBy) |
      (factor ? kPriceFactor : 0) | (record.corrects != 0 ? kCorrects : 0) |
      (record.table_cost ? kTableCost : 0) | (record.audit.empty() ? 0 : kAuditText) |
      (record.variant.empty() ? 0 : kRouteVariant) | (record.saved ? kSaved : 0)));
  if (pieces) {
    put.varint(usage.citation);
    put.varint(usage.pages);
    put.varint(usage.annotated_pages);
  }
  if (variant) {
    put.text(usage.variant);
    put.text(usage.search_context);
  }
  if (usage.reported_cost) put.money(*usage.reported_cost);
  if (!record.estimated_by.empty()) put.varint(record.estimated_by.bits());
  if (factor) put.varint(record.price_factor);
  if (record.corrects != 0) {
    put.varint(record.corrects);
    put.varint(static_cast<std::uint64_t>(record.corrected_at.time_since_epoch().count()));
  }
  if (record.table_cost) put.money(*record.table_cost);
  if (!record.audit.empty()) {
    put.text(record.audit);
    put.varint(record.audit_before);
  }
  if (!record.variant.empty()) put.text(record.variant);
  if (record.saved) put.money(*record.saved);
}

// False: it isn't what put_more writes.
bool read_more(OctetReader& in, Record& record);
// Whatever stood in the record before.
void clear_more(Record& record);

}  // namespace farebox
