#include "storage/record.hpp"

#include <fmt/format.h>

#include "config/base/json_writer.hpp"

namespace farebox {
namespace {

// An amount that isn't known is null: unknown is never zero.
void append_cost(JsonWriter& json, const Money& cost, bool priced) {
  json.key("costUsd");
  if (priced) {
    json.string(cost.decimal());
  } else {
    json.null();
  }
}

// Tokens of an endpoint nobody metered aren't zero, they are unknown.
void append_tokens(JsonWriter& json, std::string_view name, Tokens tokens, bool known) {
  json.key(name);
  if (known) {
    json.number(tokens);
  } else {
    json.null();
  }
}

void append_optional(JsonWriter& json, std::string_view name, const std::string& text) {
  json.key(name);
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

// Microseconds as seconds, exactly: 1500000 is 1.5.
std::string seconds(std::uint64_t microseconds) {
  std::string text = fmt::format("{}.{:06}", microseconds / 1'000'000, microseconds % 1'000'000);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

void append_usage(JsonWriter& json, const Record& record) {
  const Usage& usage = record.usage;
  const bool known = record.metered;
  append_tokens(json, "inputTokens", usage.input, known);
  append_tokens(json, "cachedInputTokens", usage.cached_input, known);
  append_tokens(json, "cacheWriteTokens", usage.cache_write, known);
  append_tokens(json, "outputTokens", usage.output, known);
  append_tokens(json, "reasoningTokens", usage.reasoning, known);
  append_tokens(json, "audioInputTokens", usage.audio_input, known);
  append_tokens(json, "audioOutputTokens", usage.audio_output, known);
  append_tokens(json, "imageInputTokens", usage.image_input, known);
  append_tokens(json, "imageOutputTokens", usage.image_output, known);
  json.key("toolCalls").number(record.tool_calls);
  json.key("units").begin_object();
  json.key("seconds").raw(seconds(usage.microseconds));
  json.key("images").number(usage.images);
  json.key("characters").number(usage.characters);
  json.key("queries").number(usage.queries);
  if (usage.pages != 0) json.key("pages").number(usage.pages);
  if (usage.annotated_pages != 0) json.key("annotatedPages").number(usage.annotated_pages);
  json.end_object();
}

// What few records have is left out where it says nothing: these keys are beyond the contract.
void append_price_facts(JsonWriter& json, const Record& record) {
  const Usage& usage = record.usage;
  const auto append = [&json](std::string_view name, const std::string& text) {
    if (!text.empty()) json.key(name).string(text);
  };
  append("serviceTier", usage.service_tier);
  append("inferenceGeo", usage.inference_geo);
  append("speed", usage.speed);
  append("variant", usage.variant);
  append("searchContext", usage.search_context);
  if (usage.cache_write_1h != 0) json.key("cacheWrite1hTokens").number(usage.cache_write_1h);
  if (usage.tool_use_input != 0) json.key("toolUseInputTokens").number(usage.tool_use_input);
  if (usage.citation != 0) json.key("citationTokens").number(usage.citation);
  if (usage.reported_cost) json.key("reportedCostUsd").string(usage.reported_cost->decimal());
  if (record.table_cost) json.key("tableCostUsd").string(record.table_cost->decimal());
  if (record.price_factor != Record::kNoFactor) {
    json.key("priceFactor").string(Money::picodollars(Int128(record.price_factor) * 1'000'000)
                                       .decimal());
  }
  if (!record.estimated_by.empty()) {
    json.key("estimatedBy").begin_array();
    for (std::size_t i = 0; i < kEstimates; ++i) {
      const auto rule = static_cast<Estimate>(i);
      if (record.estimated_by.has(rule)) json.string(name_of(rule));
    }
    json.end_array();
  }
  if (record.corrects != 0) {
    json.key("corrects").string(fmt::format("{:016x}", record.corrects));
    json.key("correctedAt").string(rfc3339(record.corrected_at));
  }
}

void append_attempt(JsonWriter& json, const AttemptRecord& attempt) {
  json.begin_object();
  json.key("provider").string(attempt.provider);
  json.key("model").string(attempt.model);
  json.key("status").number(std::uint64_t{attempt.status});
  json.key("outcome").string(name_of(attempt.outcome));
  append_cost(json, attempt.cost, attempt.priced);
  json.key("latencyMs").number(std::uint64_t{attempt.latency_ms});
  json.end_object();
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok: return "ok";
    case Outcome::provider_error: return "provider_error";
    case Outcome::client_closed: return "client_closed";
    case Outcome::upstream_error: return "upstream_error";
    case Outcome::timeout: return "timeout";
    case Outcome::budget_cut: return "budget_cut";
    case Outcome::drained: return "drained";
    case Outcome::refused: return "refused";
    case Outcome::crashed: return "crashed";
  }
  return "crashed";
}

void append_json(std::string& out, const Record& record) {
  JsonWriter json(out);
  json.begin_object();
  json.key("id").string(fmt::format("{:016x}", record.sequence));
  json.key("time").string(rfc3339(record.time));
  json.key("requestId").string(record.request_id);
  json.key("provider").string(record.provider);
  json.key("dialect").string(record.dialect);
  json.key("endpoint").string(record.endpoint);
  json.key("model").string(record.model);
  json.key("requestedModel").string(record.requested_model);
  append_optional(json, "keyName", record.key_name);
  append_optional(json, "org", record.org);
  append_optional(json, "project", record.project);
  append_optional(json, "user", record.user);
  json.key("tags").begin_object();
  for (const auto& [name, value] : record.tags) json.foreign_key(name).string(value);
  json.end_object();
  json.key("stream").boolean(record.stream);
  json.key("status").number(std::uint64_t{record.status});
  json.key("outcome").string(name_of(record.outcome));
  append_usage(json, record);
  json.key("extras").begin_array();
  for (const ExtraRecord& extra : record.extras) {
    json.begin_object();
    json.key("type").string(extra.type);
    json.key("model").string(extra.model);
    json.key("inputTokens").number(extra.input);
    json.key("outputTokens").number(extra.output);
    if (extra.count != 0) json.key("count").number(extra.count);
    append_cost(json, extra.cost, extra.priced);
    json.end_object();
  }
  json.end_array();
  append_cost(json, record.cost, record.priced);
  json.key("priced").boolean(record.priced);
  json.key("priceVersion").string(record.price_version);
  json.key("estimated").boolean(record.estimated);
  json.key("overHold").boolean(record.over_hold);
  json.key("metered").boolean(record.metered);
  append_optional(json, "cache", record.cache);
  if (record.saved) json.key("savedUsd").string(record.saved->decimal());
  if (!record.variant.empty()) json.key("variant").string(record.variant);
  json.key("attempts").begin_array();
  for (const AttemptRecord& attempt : record.attempts) append_attempt(json, attempt);
  json.end_array();
  json.key("ttfbMs").number(std::uint64_t{record.ttfb_ms});
  json.key("latencyMs").number(std::uint64_t{record.latency_ms});
  append_optional(json, "finishReason", record.finish_reason);
  append_price_facts(json, record);
  json.end_object();
}

}  // namespace farebox
