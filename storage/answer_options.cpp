#include "storage/answer_options.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "storage/answer_codec.hpp"
#include "storage/rocks_options.hpp"

namespace farebox {
namespace {

// Leaves out answers and their rows once they aren't kept any more.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  ExpiryFilter(WallTime now, ExpiryCount count) : now_(now), count_(std::move(count)) {}
  const char* Name() const override { return "farebox.expiry"; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    const auto kept = kept_of_row(key.ToStringView(), value.ToStringView());
    if (!kept || now_ < *kept) return false;
    if (!key.empty() && key[0] == static_cast<char>(AnswerRow::name)) count_->fetch_add(1);
    return true;
  }

 private:
  const WallTime now_;
  const ExpiryCount count_;
};

class ExpiryFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  ExpiryFilterFactory(const Clock& clock, ExpiryCount count)
      : clock_(clock), count_(std::move(count)) {}
  const char* Name() const override { return "farebox.expiry"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ExpiryFilter>(clock_.wall_now(), count_);
  }

 private:
  const Clock& clock_;
  const ExpiryCount count_;
};

std::uint64_t write_buffer(std::uint64_t most_octets) {
  return std::clamp<std::uint64_t>(most_octets / 64, 64 << 10, 4 << 20);
}

}  // namespace

rocksdb::DBOptions make_answer_db_options(std::uint64_t most_octets) {
  // Those of the ledger, whose reasons hold here too: damage in a log is refused, since an
  // invalidation may stand in it; a failed write is final for a handle.
  rocksdb::DBOptions options = make_db_options();
  options.create_if_missing = true;
  // Two memtables at most wait in all generations together, and a log is no longer than that.
  options.db_write_buffer_size = 3 * write_buffer(most_octets);
  options.max_total_wal_size = 2 * write_buffer(most_octets);
  return options;
}

std::shared_ptr<rocksdb::Cache> make_answer_block_cache() {
  return rocksdb::NewLRUCache(4 << 20, 2);
}

rocksdb::ColumnFamilyOptions make_generation_options(std::uint64_t most_octets, const Clock& clock,
                                                     std::shared_ptr<rocksdb::Cache> blocks,
                                                     ExpiryCount expired) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = write_buffer(most_octets);
  options.arena_block_size = std::min<std::size_t>(options.write_buffer_size / 8, 64 << 10);
  options.max_write_buffer_number = 2;
  options.compaction_filter_factory = std::make_shared<ExpiryFilterFactory>(clock, std::move(expired));
  // Keys are digests, so every table overlaps every other: few, large steps from level 0 to one
  // level that holds the whole generation. A generation is dropped before it needs more.
  options.level0_file_num_compaction_trigger = 8;
  options.level0_slowdown_writes_trigger = 24;
  options.level0_stop_writes_trigger = 32;
  options.num_levels = 3;
  options.max_bytes_for_level_base = std::max<std::uint64_t>(most_octets, 1 << 20);
  options.target_file_size_base = std::clamp<std::uint64_t>(most_octets / 16, 1 << 20, 32 << 20);
  // Large bodies are compressed already; this is for the rows and for small ones.
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  options.compression = lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  // Our own filter (answer_filter.hpp) says which generation to ask: the tables of level 0 need
  // one of theirs, the last level doesn't.
  options.optimize_filters_for_hits = true;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(blocks);
  // An index of one short entry a block stays in memory: some 6 octets an answer of 600.
  table.block_size = 4 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace farebox
