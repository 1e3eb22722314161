#include "storage/rocks_options.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/table.h>
#include <sys/resource.h>

#include <algorithm>

#include "storage/entry.hpp"
#include "storage/open_tables.hpp"

namespace farebox {
namespace {

// Our own log says what matters; a LOG file that grows beside the data says it to nobody.
class Silence final : public rocksdb::Logger {
 public:
  Silence() : rocksdb::Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Leaves pruned records out. (A range deletion would do the same, but 7.8.3 asserts when a
// memtable that holds one can't be written out at the first try.)
class PruneFilter final : public rocksdb::CompactionFilter {
 public:
  explicit PruneFilter(std::uint64_t first_kept) : first_kept_(first_kept) {}
  const char* Name() const override { return "farebox.prune"; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice&, std::string*,
              bool*) const override {
    return number_of(key.ToStringView()) < first_kept_;
  }

 private:
  const std::uint64_t first_kept_;
};

class PruneFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit PruneFilterFactory(std::shared_ptr<const std::atomic<std::uint64_t>> first_kept)
      : first_kept_(std::move(first_kept)) {}
  const char* Name() const override { return "farebox.prune"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<PruneFilter>(first_kept_->load());
  }

 private:
  const std::shared_ptr<const std::atomic<std::uint64_t>> first_kept_;
};

bool has(rocksdb::CompressionType type) {
  const auto supported = rocksdb::GetSupportedCompressions();
  return std::find(supported.begin(), supported.end(), type) != supported.end();
}

rocksdb::ColumnFamilyOptions small_family(std::size_t write_buffer) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = write_buffer;
  // Small pieces of memory: four families must fit into a sidecar.
  options.arena_block_size = std::min<std::size_t>(write_buffer / 8, 256 << 10);
  options.max_write_buffer_number = 3;  // writes go on while two are being written out
  options.compression = has(rocksdb::kLZ4Compression) ? rocksdb::kLZ4Compression
                                                      : rocksdb::kNoCompression;
  return options;
}

}  // namespace

rocksdb::DBOptions make_db_options() {
  rocksdb::DBOptions options;
  options.info_log = std::make_shared<Silence>();
  // The default opens after a flipped bit and drops what follows, without a word.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.recycle_log_file_num = 0;  // old records in a recycled log look like new ones
  options.paranoid_checks = true;
  // A failed write is final for this handle; the committer opens a new one.
  options.max_bgerror_resume_count = 0;
  // Closing after a failed write must not touch its log again (7.8.3 asserts that nobody
  // does). What a clean end leaves in memory stands in the synced log; sums flush themselves.
  options.avoid_flush_during_shutdown = true;
  // What a start has to read again, so that it is ready in under a second.
  options.max_total_wal_size = 24 << 20;
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 1;
  // The hard limit: the server takes it, and tools have no clients.
  rlimit files{};
  const bool known = ::getrlimit(RLIMIT_NOFILE, &files) == 0;
  options.max_open_files = open_tables(known ? files.rlim_max : kManyFiles);
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.avoid_unnecessary_blocking_io = true;
  // One thread writes at a time, so its inserts need no atomics.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.writable_file_max_buffer_size = 256 << 10;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> make_families(
    std::shared_ptr<const std::atomic<std::uint64_t>> first_kept) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(4 << 20, 2);
  table.block_size = 16 << 10;
  table.format_version = 5;
  const auto tables = std::shared_ptr<rocksdb::TableFactory>(NewBlockBasedTableFactory(table));

  rocksdb::ColumnFamilyOptions records = small_family(4 << 20);
  records.target_file_size_base = 16 << 20;
  records.compaction_filter_factory = std::make_shared<PruneFilterFactory>(std::move(first_kept));
  // What is written out moves one level down as it is, since the numbers of records only
  // grow; below that, from some 256 MiB on, it is packed tighter once.
  if (has(rocksdb::kZSTD)) {
    records.compression_per_level.assign(static_cast<std::size_t>(records.num_levels),
                                         rocksdb::kZSTD);
    records.compression_per_level[0] = records.compression_per_level[1] = records.compression;
  }

  // Written with every batch and read only when the ledger is opened: appending is cheap,
  // and sorting happens when they are written out, where most holds have met their end.
  rocksdb::ColumnFamilyOptions meta = small_family(512 << 10);
  rocksdb::ColumnFamilyOptions holds = small_family(1 << 20);
  meta.memtable_factory = holds.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();

  std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {rocksdb::kDefaultColumnFamilyName, meta},
      {"records", records},
      {"holds", holds},
      {"rollups", small_family(1 << 20)},
  };
  for (auto& family : families) family.options.table_factory = tables;
  return families;
}

}  // namespace farebox
