// The options of the answer cache's database, each with its reason.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "config/base/clock.hpp"

namespace farebox {

rocksdb::DBOptions make_answer_db_options(std::uint64_t most_octets);

// Of a generation. Its compactions leave out what is no longer kept by `clock`, which outlives
// the database, and count the answers of which they did.
using ExpiryCount = std::shared_ptr<std::atomic<std::int64_t>>;
rocksdb::ColumnFamilyOptions make_generation_options(std::uint64_t most_octets, const Clock& clock,
                                                     std::shared_ptr<rocksdb::Cache> blocks,
                                                     ExpiryCount expired);

// Of all generations together.
std::shared_ptr<rocksdb::Cache> make_answer_block_cache();

}  // namespace farebox
