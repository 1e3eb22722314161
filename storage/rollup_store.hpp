// RollupStore: tables of rollups in a column family.
//
//   'h' hour:4 part  := table     (rollup_codec.cpp)
//   'd' day:4 part   := table     the sums of the day's hours
//   'w'              := sealed row (entry.hpp): the watermark
//   part             := [ bits:1 prefix:4 [ piece:8 ] ]     (rollup_part.hpp)
//
// All tables of an hour or a day together are its sums. Without `part` a table is of the
// whole; with `piece` it waits to be folded into the one without, and has its rows from there.
// Numbers are big-endian, hours and days since 1970, UTC. Any thread may read.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "storage/rollup_table.hpp"
#include "storage/usage_plan.hpp"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Snapshot;
class WriteBatch;
}  // namespace rocksdb

namespace farebox {

// Up to where the tables are complete.
struct Watermark {
  std::uint64_t next = 0;  // sequence of the first record that isn't in the tables
  std::uint64_t piece = 0;  // number of the last piece folded in (rollups.cpp)
  WallTime newest{};       // time of the newest record ever added; may be too late, not too early
  // After `forget`, until `next` is there: records below this sequence are in the tables
  // already if their hour is below that one.
  std::uint64_t kept_below = 0;
  HourNumber kept_before = 0;
  // Of the hash that divides tables. Made once for each store.
  std::uint64_t seed = 0;
};

class RollupStore {
 public:
  enum class Span : char { hour = 'h', day = 'd' };

  RollupStore(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family) : db_(db), family_(family) {}

  // Nothing: there is none of our format.
  Result<std::optional<Watermark>> watermark(const rocksdb::Snapshot* snapshot) const;

  // What is stored of one part of an hour or a day: its table, and those that wait to be
  // folded into it.
  struct Leaf {
    RollupPart part;
    std::size_t rows = 0;                // of its table
    std::vector<std::uint64_t> waiting;  // the pieces these came from
    std::size_t waiting_rows = 0;
  };
  // In the order of their parts; at least one, of the whole.
  Result<std::vector<Leaf>> leaves(Span span, std::uint32_t number) const;
  // All that a leaf has.
  Result<RollupTable> sums(Span span, std::uint32_t number, const Leaf& leaf) const;

  // A number is visited once for each of its tables.
  using Visit = std::function<void(std::uint32_t number, const RollupTable& table)>;
  Result<void> each(Span span, NumberRange range, const rocksdb::Snapshot* snapshot,
                    const Visit& visit) const;
  // The same for the costs alone of what the filter's names admit.
  using VisitCost = std::function<void(std::uint32_t number, Money cost)>;
  Result<void> each_cost(Span span, NumberRange range, const rocksdb::Snapshot* snapshot,
                         const RecordFilter& filter, const VisitCost& visit) const;

  // Puts sums in the place of all that the leaf has: in one table, or in several where one
  // would have more than `most_rows`.
  struct Division {
    std::uint64_t seed = 0;
    std::size_t most_rows = 0;
  };
  void replace(rocksdb::WriteBatch& batch, Span span, std::uint32_t number, const Leaf& leaf,
               const RollupTable& sums, const Division& division) const;
  // Puts a table beside what the part has. Precondition: none of that piece is there.
  void put_waiting(rocksdb::WriteBatch& batch, Span span, std::uint32_t number,
                   const RollupPart& part, std::uint64_t piece, const RollupTable& table) const;
  void put(rocksdb::WriteBatch& batch, const Watermark& watermark) const;
  void erase(rocksdb::WriteBatch& batch, Span span, NumberRange range) const;

  // Makes tables below that hour that can't be read anew from what can be: a day from
  // its hours. A table of an hour has nothing to be made from and goes.
  Result<void> mend(HourNumber before, const Division& division) const;
  // Removes everything.
  Result<void> clear() const;

  // Writes without the write-ahead log: it is on the disk after `flush` only, and
  // whatever was written before the batch, in any family, is there by then.
  Result<void> write(rocksdb::WriteBatch& batch) const;
  Result<void> flush() const;

 private:
  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle& family_;
};

}  // namespace farebox
