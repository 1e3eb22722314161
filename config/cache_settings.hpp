// CacheSettings: what may be answered without asking the provider again. Part of settings.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace farebox {

// Whose answers may be given to whom, and whose calls may travel together.
enum class Sharing : std::uint8_t {
  key,      // each virtual key, or each credential of the caller's own, has its own
  project,  // all of a project
  org,      // all of an organisation
  all,      // everybody who may use the provider
};

struct CacheSettings {
  bool operator==(const CacheSettings&) const = default;
  bool enabled = false;  // true when the block is present
  std::uint64_t memory = 64ull << 20;  // octets
  std::uint64_t disk = 1ull << 30;     // octets; 0: memory only
  std::chrono::milliseconds ttl{3'600'000};
  std::uint64_t compress_over = 1024;  // octets, on disk
  std::uint64_t max_entry = 4ull << 20;  // octets of an answer; larger ones aren't kept
  bool deterministic_only = true;  // only what would be answered alike again
  Sharing share = Sharing::key;
  bool merge = true;               // identical calls that run at once are one
  // After `ttl`: an answer is given at once and asked for again behind it; or given where the
  // provider fails. 0: not.
  std::chrono::milliseconds stale_while_revalidate{0};
  std::chrono::milliseconds stale_if_error{0};
};

// What a route says otherwise.
struct RouteCacheSettings {
  bool operator==(const RouteCacheSettings&) const = default;
  std::optional<bool> enabled;
  std::optional<std::chrono::milliseconds> ttl;
  std::optional<bool> deterministic_only;
};

struct EmbeddingBatchSettings {
  bool operator==(const EmbeddingBatchSettings&) const = default;
  bool enabled = false;  // true when the block is present
  std::uint32_t max_size = 64;
  std::chrono::milliseconds max_wait{5};
  std::uint32_t max_concurrent = 2;
  std::uint64_t max_tokens = 300'000;  // of all inputs together (OpenAI's limit of a request)
  Sharing share = Sharing::key;
};

}  // namespace farebox
