#include "storage/rollup_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <vector>

#include "storage/entry.hpp"
#include "storage/octets.hpp"

namespace farebox {
namespace {

using Span = RollupStore::Span;

constexpr std::string_view kWatermarkKey = "w";
constexpr std::uint64_t kFormat = 1;  // of tables and watermark together
constexpr NumberRange kAll{0, ~std::uint32_t{0}};

std::string key_of(Span span, std::uint32_t number) {
  std::string key;
  OctetWriter put(key);
  put.octet(static_cast<std::uint8_t>(span));
  put.fixed32(number);
  return key;
}

Error failed(std::string_view what, const rocksdb::Status& status) {
  return Error(ErrorCode::io_failed, "can't " + std::string(what) + ": " + status.ToString());
}

// Where, why, and how to mend it.
Error damaged(Span span, std::uint32_t number, const Error& why) {
  const HourNumber hour = span == Span::hour ? number : number * kHoursOfDay;
  return Error(ErrorCode::io_failed,
               std::string("the usage sums of the ") + (span == Span::hour ? "hour" : "day") +
                   " from " + rfc3339(start_of_hour(hour)) + " can't be read (" + why.context +
                   "); run farebox ledger rebuild");
}

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::ReadOptions reading(const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  return options;
}

// Visits the stored octets of a range.
Result<void> each_value(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family, Span span,
                        NumberRange range, const rocksdb::Snapshot* snapshot,
                        const std::function<Result<void>(std::uint32_t, std::string_view)>& visit) {
  if (range.first >= range.end) return {};
  const std::string begin = key_of(span, range.first);
  const std::string end = key_of(span, range.end);
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions options = reading(snapshot);
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(options, &family));
  for (row->Seek(begin); row->Valid(); row->Next()) {
    OctetReader key(view(row->key()).substr(1));
    const Result<void> visited = visit(key.fixed32(), view(row->value()));
    if (!visited) return visited.error();
  }
  if (!row->status().ok()) return failed("read usage sums", row->status());
  return {};
}

}  // namespace

Result<std::optional<Watermark>> RollupStore::watermark(const rocksdb::Snapshot* snapshot) const {
  std::string octets;
  const rocksdb::Status status =
      db_.Get(reading(snapshot), &family_, rocksdb::Slice(kWatermarkKey), &octets);
  if (status.IsNotFound()) return std::optional<Watermark>();
  if (!status.ok()) return failed("read the watermark of usage sums", status);
  std::string_view payload;
  if (open_sealed(kWatermarkKey, octets, payload) != Seal::good) return std::optional<Watermark>();
  OctetReader in(payload);
  if (in.varint() != kFormat) return std::optional<Watermark>();
  Watermark mark;
  mark.next = in.varint();
  mark.piece = in.varint();
  mark.newest = WallTime(std::chrono::microseconds(static_cast<std::int64_t>(in.fixed64())));
  mark.kept_below = in.varint();
  mark.kept_before = in.fixed32();
  if (!in.good()) return std::optional<Watermark>();
  return std::optional(mark);
}

Result<RollupTable> RollupStore::table(Span span, std::uint32_t number,
                                       const rocksdb::Snapshot* snapshot) const {
  rocksdb::PinnableSlice octets;
  const rocksdb::Status status =
      db_.Get(reading(snapshot), &family_, key_of(span, number), &octets);
  if (status.IsNotFound()) return RollupTable();
  if (!status.ok()) return failed("read usage sums", status);
  Result<RollupTable> table = RollupTable::decode(view(octets));
  if (!table) return damaged(span, number, table.error());
  return table;
}

Result<void> RollupStore::each(Span span, NumberRange range, const rocksdb::Snapshot* snapshot,
                               const Visit& visit) const {
  return each_value(db_, family_, span, range, snapshot,
                    [&](std::uint32_t number, std::string_view octets) -> Result<void> {
                      const Result<RollupTable> table = RollupTable::decode(octets);
                      if (!table) return damaged(span, number, table.error());
                      visit(number, *table);
                      return {};
                    });
}

Result<void> RollupStore::each_cost(Span span, NumberRange range,
                                    const rocksdb::Snapshot* snapshot, const RecordFilter& filter,
                                    const VisitCost& visit) const {
  return each_value(db_, family_, span, range, snapshot,
                    [&](std::uint32_t number, std::string_view octets) -> Result<void> {
                      const Result<Money> cost = RollupTable::cost_in(octets, filter);
                      if (!cost) return damaged(span, number, cost.error());
                      visit(number, *cost);
                      return {};
                    });
}

void RollupStore::put(rocksdb::WriteBatch& batch, Span span, std::uint32_t number,
                      const RollupTable& table) const {
  std::string octets;
  table.encode(octets);
  batch.Put(&family_, key_of(span, number), octets);
}

void RollupStore::put(rocksdb::WriteBatch& batch, const Watermark& mark) const {
  std::string payload, sealed;
  OctetWriter out(payload);
  out.varint(kFormat);
  out.varint(mark.next);
  out.varint(mark.piece);
  out.fixed64(static_cast<std::uint64_t>(mark.newest.time_since_epoch().count()));
  out.varint(mark.kept_below);
  out.fixed32(mark.kept_before);
  seal(sealed, kWatermarkKey, payload);
  batch.Put(&family_, rocksdb::Slice(kWatermarkKey), sealed);
}

void RollupStore::erase(rocksdb::WriteBatch& batch, Span span, NumberRange range) const {
  if (range.first >= range.end) return;
  // Key by key, they are few: 7.8.3 asserts when a memtable with a range deletion can't be
  // written out at the first try. What can't be read stays, and is found by whoever reads it.
  const std::string begin = key_of(span, range.first), end = key_of(span, range.end);
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(rocksdb::ReadOptions(), &family_));
  for (at->Seek(begin); at->Valid() && at->key().compare(end) < 0; at->Next()) {
    batch.Delete(&family_, at->key());
  }
}

Result<void> RollupStore::mend(HourNumber before) const {
  rocksdb::WriteBatch batch;
  std::vector<HourNumber> bad_hours;
  std::vector<DayNumber> bad_days;
  const auto look = [&](Span span, std::uint32_t end, std::vector<std::uint32_t>& bad) {
    return each_value(db_, family_, span, {0, end}, nullptr,
                      [&](std::uint32_t number, std::string_view octets) -> Result<void> {
                        if (!RollupTable::decode(octets)) bad.push_back(number);
                        return {};
                      });
  };
  Result<void> read = look(Span::hour, before, bad_hours);
  if (read) read = look(Span::day, before / kHoursOfDay, bad_days);
  if (!read) return read.error();

  for (const HourNumber hour : bad_hours) batch.Delete(&family_, key_of(Span::hour, hour));
  for (const DayNumber day : bad_days) {
    RollupTable sums;
    const NumberRange hours{day * kHoursOfDay, (day + 1) * kHoursOfDay};
    read = each_value(db_, family_, Span::hour, hours, nullptr,
                      [&](std::uint32_t, std::string_view octets) -> Result<void> {
                        const Result<RollupTable> hour = RollupTable::decode(octets);
                        if (hour) sums.merge(*hour);
                        return {};
                      });
    if (!read) return read.error();
    batch.Delete(&family_, key_of(Span::day, day));
    if (sums.rows() != 0) put(batch, Span::day, day, sums);
  }
  return batch.Count() == 0 ? Result<void>() : write(batch);
}

Result<void> RollupStore::clear() const {
  rocksdb::WriteBatch batch;
  erase(batch, Span::hour, kAll);
  erase(batch, Span::day, kAll);
  batch.Delete(&family_, rocksdb::Slice(kWatermarkKey));
  return write(batch);
}

Result<void> RollupStore::write(rocksdb::WriteBatch& batch) const {
  // The records they speak of were synced before (LedgerCore::save_rollups).
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  const rocksdb::Status status = db_.Write(options, &batch);
  if (!status.ok()) return failed("write usage sums", status);
  return {};
}

Result<void> RollupStore::flush() const {
  const rocksdb::Status status = db_.Flush(rocksdb::FlushOptions(), &family_);
  if (!status.ok()) return failed("flush usage sums", status);
  return {};
}

}  // namespace farebox
