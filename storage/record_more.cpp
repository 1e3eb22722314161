#include "storage/record_more.hpp"

namespace farebox {

bool read_more(OctetReader& in, Record& record) {
  const std::uint64_t has = in.varint();
  if (has > kEveryMore) return false;
  Usage& usage = record.usage;
  if ((has & kPieces) != 0) {
    usage.citation = in.varint();
    usage.pages = in.varint();
    usage.annotated_pages = in.varint();
  }
  if ((has & kVariant) != 0) {
    usage.variant = in.text();
    usage.search_context = in.text();
  }
  if ((has & kReportedCost) != 0) usage.reported_cost = in.money();
  if ((has & kEstimatedBy) != 0) {
    record.estimated_by = Estimates::of_bits(static_cast<std::uint32_t>(in.varint()));
  }
  if ((has & kPriceFactor) != 0) record.price_factor = static_cast<std::uint32_t>(in.varint());
  if ((has & kCorrects) != 0) {
    record.corrects = in.varint();
    record.corrected_at =
        WallTime(std::chrono::microseconds(static_cast<std::int64_t>(in.varint())));
  }
  if ((has & kTableCost) != 0) record.table_cost = in.money();
  if ((has & kAuditText) != 0) {
    record.audit = in.text();
    record.audit_before = in.varint();
  }
  if ((has & kRouteVariant) != 0) record.variant = in.text();
  if ((has & kSaved) != 0) record.saved = in.money();
  return in.good();
}

void clear_more(Record& record) {
  record.usage.citation = record.usage.pages = record.usage.annotated_pages = 0;
  record.usage.variant.clear();
  record.usage.search_context.clear();
  record.usage.reported_cost.reset();
  record.estimated_by = Estimates();
  record.price_factor = Record::kNoFactor;
  record.corrects = 0;
  record.corrected_at = WallTime();
  record.table_cost.reset();
  record.audit.clear();
  record.audit_before = 0;
  record.variant.clear();
  record.saved.reset();
}

}  // namespace farebox
