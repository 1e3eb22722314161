#include "proxy/cache_document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/base/json_writer.hpp"
#include "storage/answer_match.hpp"

namespace farebox {
namespace {

double rate(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void append_rate(JsonWriter& json, std::string_view name, double value) {
  json.key(name).raw(fmt::format("{:.4f}", value));
}

void append_tier(JsonWriter& json, std::string_view name, const CacheTierStats& tier) {
  json.key(name).begin_object();
  json.key("entries").number(tier.entries);
  json.key("bytes").number(tier.octets);
  json.key("maxBytes").number(tier.most_octets);
  json.key("hits").number(tier.hits);
  json.key("misses").number(tier.misses);
  append_rate(json, "hitRate", rate(tier.hits, tier.hits + tier.misses));
  json.key("evicted").number(tier.evicted);
  json.end_object();
}

void append_top(JsonWriter& json, std::string_view name, const std::vector<TopAnswer>& top) {
  json.key(name).begin_array();
  for (const TopAnswer& answer : top) {
    json.begin_object();
    json.key("key").string(key_text(answer.key));
    json.key("name").string(answer.name);
    json.key("hits").number(answer.hits);
    json.key("savedUsd").string(answer.saved.decimal());
    json.end_object();
  }
  json.end_array();
}

std::uint64_t hits_of(const AnswerCacheStats& stats) { return stats.memory.hits + stats.disk.hits; }

}  // namespace

double efficiency_score(const AnswerCacheStats& stats, const CacheSight& sight) {
  const std::uint64_t hits = hits_of(stats);
  const double hit_rate = rate(hits, hits + stats.disk.misses);
  if (sight.miss_latency_us == 0) return 100 * hit_rate;
  const double share = static_cast<double>(sight.hit_latency_us) /
                       static_cast<double>(sight.miss_latency_us);
  return 100 * hit_rate * std::max(0.0, 1 - share);
}

std::string cache_document(const AnswerCacheStats& stats, const CacheSight& sight) {
  const std::uint64_t hits = hits_of(stats);
  // What is in memory is on the disk too, where there is one.
  const bool disk = stats.disk_works;
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("enabled").boolean(sight.enabled);
  json.key("entries").number(disk ? std::max(stats.disk.entries, stats.memory.entries) : stats.memory.entries);
  json.key("bytes").number(disk ? std::max(stats.disk.octets, stats.memory.octets) : stats.memory.octets);
  json.key("hits").number(hits);
  json.key("misses").number(stats.disk.misses);
  append_rate(json, "hitRate", rate(hits, hits + stats.disk.misses));
  json.key("coalesced").number(sight.coalesced);
  json.key("inFlight").number(sight.running);
  json.key("averageHitLatencyMs").raw(fmt::format("{:.3f}", static_cast<double>(sight.hit_latency_us) / 1'000));
  json.key("averageMissLatencyMs").raw(fmt::format("{:.3f}", static_cast<double>(sight.miss_latency_us) / 1'000));
  json.key("efficiencyScore").raw(fmt::format("{:.1f}", efficiency_score(stats, sight)));
  json.key("savedUsd").string(sight.saved.decimal());
  append_tier(json, "memory", stats.memory);
  append_tier(json, "disk", stats.disk);
  json.key("diskWorks").boolean(stats.disk_works);
  json.key("stored").number(stats.stored);
  json.key("invalidated").number(stats.invalidated);
  json.key("dropped").number(stats.dropped);
  json.key("damaged").number(stats.damaged);
  append_top(json, "topByHits", stats.top_by_hits);
  append_top(json, "topBySaved", stats.top_by_saved);
  json.end_object();
  return out;
}

}  // namespace farebox
