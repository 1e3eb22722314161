#include "storage/rollup_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <set>

#include "storage/entry.hpp"
#include "storage/octets.hpp"

namespace farebox {
namespace {

using Span = RollupStore::Span;

constexpr std::string_view kWatermarkKey = "w";
constexpr std::uint64_t kFormat = 2;       // of tables and watermark together
constexpr std::uint64_t kUndivided = 1;    // the format without parts and without a seed
constexpr NumberRange kAll{0, ~std::uint32_t{0}};

std::string key_of(Span span, std::uint32_t number) {
  std::string key;
  OctetWriter put(key);
  put.octet(static_cast<std::uint8_t>(span));
  put.fixed32(number);
  return key;
}

std::string key_of(Span span, std::uint32_t number, const RollupPart& part) {
  std::string key = key_of(span, number);
  if (part.bits == 0) return key;
  OctetWriter put(key);
  put.octet(part.bits);
  put.fixed32(part.prefix);
  return key;
}

std::string key_of(Span span, std::uint32_t number, const RollupPart& part, std::uint64_t piece) {
  std::string key = key_of(span, number);
  OctetWriter put(key);
  put.octet(part.bits);
  put.fixed32(part.prefix);
  put.fixed64(piece);
  return key;
}

// What a key says behind the span.
struct Place {
  std::uint32_t number = 0;
  RollupPart part;
  std::optional<std::uint64_t> piece;
};

Place place_of(std::string_view key) {
  OctetReader in(key.substr(1));
  Place place;
  place.number = in.fixed32();
  if (in.rest().empty()) return place;
  place.part.bits = in.octet();
  place.part.prefix = in.fixed32();
  if (!in.rest().empty()) place.piece = in.fixed64();
  return place;
}

// Parts of equal size, few enough that one has about three quarters of what it may have.
std::vector<RollupPart> parts_for(const RollupPart& whole, std::size_t rows, std::size_t most) {
  unsigned more = 0;
  while (rows >> more > most && whole.bits + more < RollupPart::kMostBits) ++more;
  std::vector<RollupPart> parts;
  for (std::uint32_t i = 0; i < std::uint32_t{1} << more; ++i) {
    parts.push_back({static_cast<std::uint8_t>(whole.bits + more), whole.prefix << more | i});
  }
  return parts;
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
  options.fill_cache = false;  // a table is larger than a block should be, and read rarely
  return options;
}

// Visits the stored octets of a range.
using VisitValue = std::function<Result<void>(const Place&, std::string_view octets)>;
Result<void> each_value(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family, Span span,
                        NumberRange range, const rocksdb::Snapshot* snapshot,
                        const VisitValue& visit) {
  if (range.first >= range.end) return {};
  const std::string begin = key_of(span, range.first);
  const std::string end = key_of(span, range.end);
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions options = reading(snapshot);
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(options, &family));
  for (row->Seek(begin); row->Valid(); row->Next()) {
    const Result<void> visited = visit(place_of(view(row->key())), view(row->value()));
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
  const std::uint64_t format = in.varint();
  if (format != kFormat && format != kUndivided) return std::optional<Watermark>();
  Watermark mark;
  mark.next = in.varint();
  mark.piece = in.varint();
  mark.newest = WallTime(std::chrono::microseconds(static_cast<std::int64_t>(in.fixed64())));
  mark.kept_below = in.varint();
  mark.kept_before = in.fixed32();
  if (format != kUndivided) mark.seed = in.fixed64();
  if (!in.good()) return std::optional<Watermark>();
  return std::optional(mark);
}

Result<std::vector<RollupStore::Leaf>> RollupStore::leaves(Span span, std::uint32_t number) const {
  std::map<RollupPart, Leaf> leaves;
  const Result<void> read = each_value(
      db_, family_, span, {number, number + 1}, nullptr,
      [&](const Place& place, std::string_view octets) -> Result<void> {
        const Result<std::size_t> rows = RollupTable::rows_in(octets);
        if (!rows) return damaged(span, number, rows.error());
        Leaf& leaf = leaves[place.part];
        leaf.part = place.part;
        if (place.piece) {
          leaf.waiting.push_back(*place.piece);
          leaf.waiting_rows += *rows;
        } else {
          leaf.rows = *rows;
        }
        return {};
      });
  if (!read) return read.error();
  std::vector<Leaf> all;
  for (auto& [part, leaf] : leaves) all.push_back(std::move(leaf));
  if (all.empty()) all.emplace_back();
  return all;
}

Result<RollupTable> RollupStore::sums(Span span, std::uint32_t number, const Leaf& leaf) const {
  RollupTable sums;
  const auto add = [&](const std::string& key) -> Result<void> {
    rocksdb::PinnableSlice octets;
    const rocksdb::Status status = db_.Get(reading(nullptr), &family_, key, &octets);
    if (status.IsNotFound()) return {};
    if (!status.ok()) return failed("read usage sums", status);
    Result<RollupTable> table = RollupTable::decode(view(octets));
    if (!table) return damaged(span, number, table.error());
    if (sums.rows() == 0) {
      sums = std::move(*table);
    } else {
      sums.merge(*table);
    }
    return {};
  };
  Result<void> done = add(key_of(span, number, leaf.part));
  for (const std::uint64_t piece : leaf.waiting) {
    if (done) done = add(key_of(span, number, leaf.part, piece));
  }
  if (!done) return done.error();
  return sums;
}

Result<void> RollupStore::each(Span span, NumberRange range, const rocksdb::Snapshot* snapshot,
                               const Visit& visit) const {
  return each_value(db_, family_, span, range, snapshot,
                    [&](const Place& place, std::string_view octets) -> Result<void> {
                      const Result<RollupTable> table = RollupTable::decode(octets);
                      if (!table) return damaged(span, place.number, table.error());
                      visit(place.number, *table);
                      return {};
                    });
}

Result<void> RollupStore::each_cost(Span span, NumberRange range,
                                    const rocksdb::Snapshot* snapshot, const RecordFilter& filter,
                                    const VisitCost& visit) const {
  return each_value(db_, family_, span, range, snapshot,
                    [&](const Place& place, std::string_view octets) -> Result<void> {
                      const Result<Money> cost = RollupTable::cost_in(octets, filter);
                      if (!cost) return damaged(span, place.number, cost.error());
                      visit(place.number, *cost);
                      return {};
                    });
}

void RollupStore::replace(rocksdb::WriteBatch& batch, Span span, std::uint32_t number,
                          const Leaf& leaf, const RollupTable& sums,
                          const Division& division) const {
  for (const std::uint64_t piece : leaf.waiting) {
    batch.Delete(&family_, key_of(span, number, leaf.part, piece));
  }
  const auto put = [&](const RollupPart& part, const RollupTable& table) {
    std::string octets;
    table.encode(octets);
    batch.Put(&family_, key_of(span, number, part), octets);
  };
  const std::vector<RollupPart> parts = parts_for(leaf.part, sums.rows(), division.most_rows);
  if (parts.size() == 1) return put(leaf.part, sums);
  batch.Delete(&family_, key_of(span, number, leaf.part));
  const std::vector<RollupTable> tables = sums.divide(division.seed, parts);
  // Also where a part has no row, so that parts hold every hash.
  for (std::size_t i = 0; i < parts.size(); ++i) put(parts[i], tables[i]);
}

void RollupStore::put_waiting(rocksdb::WriteBatch& batch, Span span, std::uint32_t number,
                              const RollupPart& part, std::uint64_t piece,
                              const RollupTable& table) const {
  std::string octets;
  table.encode(octets);
  batch.Put(&family_, key_of(span, number, part, piece), octets);
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
  out.fixed64(mark.seed);
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

Result<void> RollupStore::mend(HourNumber before, const Division& division) const {
  rocksdb::WriteBatch batch;
  std::set<DayNumber> bad_days;
  Result<void> read = each_value(
      db_, family_, Span::hour, {0, before}, nullptr,
      [&](const Place& place, std::string_view octets) -> Result<void> {
        if (RollupTable::decode(octets)) return {};
        batch.Delete(&family_, place.piece
                                   ? key_of(Span::hour, place.number, place.part, *place.piece)
                                   : key_of(Span::hour, place.number, place.part));
        return {};
      });
  if (!read) return read.error();
  read = each_value(db_, family_, Span::day, {0, before / kHoursOfDay}, nullptr,
                    [&](const Place& place, std::string_view octets) -> Result<void> {
                      if (!RollupTable::decode(octets)) bad_days.insert(place.number);
                      return {};
                    });
  if (!read) return read.error();
  for (const DayNumber day : bad_days) {
    RollupTable sums;
    const NumberRange hours{day * kHoursOfDay, (day + 1) * kHoursOfDay};
    read = each_value(db_, family_, Span::hour, hours, nullptr,
                      [&](const Place&, std::string_view octets) -> Result<void> {
                        const Result<RollupTable> hour = RollupTable::decode(octets);
                        if (hour) sums.merge(*hour);
                        return {};
                      });
    if (!read) return read.error();
    erase(batch, Span::day, {day, day + 1});
    if (sums.rows() != 0) replace(batch, Span::day, day, {}, sums, division);
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
