// The options of RocksDB, each with its reason.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <memory>
#include <vector>

namespace farebox {

rocksdb::DBOptions make_db_options();
// Records below `first_kept` are pruned: compactions leave them out, readers don't look
// at them.
std::vector<rocksdb::ColumnFamilyDescriptor> make_families(
    std::shared_ptr<const std::atomic<std::uint64_t>> first_kept);

}  // namespace farebox
