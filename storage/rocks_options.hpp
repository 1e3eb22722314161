// The options of RocksDB, each with its reason.
#pragma once

#include <rocksdb/db.h>

#include <vector>

namespace farebox {

rocksdb::DBOptions make_db_options();
std::vector<rocksdb::ColumnFamilyDescriptor> make_families();

}  // namespace farebox
