// CacheDocument: what /api/cache/stats shows. Pure.
#pragma once

#include <string>

#include "config/base/money.hpp"
#include "storage/answer_cache.hpp"

namespace farebox {

// What the proxy counts beside the cache's own figures.
struct CacheSight {
  bool enabled = false;       // the configuration in use wants one
  std::uint64_t coalesced = 0;   // calls that were another's
  std::uint64_t running = 0;     // calls that others may join
  std::uint64_t hit_latency_us = 0;   // means; 0: there was none
  std::uint64_t miss_latency_us = 0;
  Money saved;                // by hits and coalesced calls whose cost is known
};

// A hundred when every call is a hit and hits take no time beside misses; 0 when the cache does
// nothing for anybody.
double efficiency_score(const AnswerCacheStats& stats, const CacheSight& sight);

std::string cache_document(const AnswerCacheStats& stats, const CacheSight& sight);

}  // namespace farebox
