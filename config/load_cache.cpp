// The keys of cache, routes[].cache and providers.*.batch.
#include <array>

#include "config/load_sections.hpp"
#include "config/scalars.hpp"

namespace farebox {
namespace {

constexpr std::uint64_t kKiB = 1ull << 10, kMiB = 1ull << 20, kTiB = 1ull << 40;

constexpr std::array<Choice<Sharing>, 4> kSharing{{{"key", Sharing::key},
                                                   {"project", Sharing::project},
                                                   {"org", Sharing::org},
                                                   {"all", Sharing::all}}};

}  // namespace

void read_cache(MapReader& keys, CacheSettings& cache) {
  cache.enabled = true;
  keys.read("enabled", cache.enabled);
  keys.read("memory", cache.memory, Bytes{kMiB, kTiB});
  keys.read("disk", cache.disk, Bytes{0, 1024 * kTiB});
  keys.read("ttl", cache.ttl, kPause);
  keys.read("compress_over", cache.compress_over, Bytes{0, kTiB});
  keys.read("max_entry", cache.max_entry, Bytes{kKiB, 64 * kMiB});
  keys.read("deterministic_only", cache.deterministic_only);
  keys.read("share", cache.share, kSharing);
  keys.read("merge", cache.merge);
  keys.read("stale_while_revalidate", cache.stale_while_revalidate, kPauseOrNone);
  keys.read("stale_if_error", cache.stale_if_error, kPauseOrNone);
}

void read_route_cache(MapReader& keys, RouteCacheSettings& cache) {
  const auto flag = [&](const char* key, std::optional<bool>& into) {
    if (!keys.has(key)) return;
    bool said = false;
    keys.read(key, said);
    into = said;
  };
  flag("enabled", cache.enabled);
  flag("deterministic_only", cache.deterministic_only);
  if (keys.has("ttl")) {
    Milliseconds said{0};
    keys.read("ttl", said, kPause);
    cache.ttl = said;
  }
}

void read_embedding_batch(MapReader& keys, EmbeddingBatchSettings& batch) {
  batch.enabled = true;
  keys.read("enabled", batch.enabled);
  keys.read("max_size", batch.max_size, Count{1, 2048});
  keys.read("max_wait", batch.max_wait, Duration{Milliseconds(0), Milliseconds(10'000)});
  keys.read("max_concurrent", batch.max_concurrent, Count{1, 1024});
  keys.read("max_tokens", batch.max_tokens, Count{1, 1'000'000'000});
  keys.read("share", batch.share, kSharing);
}

}  // namespace farebox
