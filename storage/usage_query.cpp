#include "storage/usage_query.hpp"

#include <array>
#include <chrono>
#include <utility>

namespace farebox {
namespace {

constexpr std::array<std::pair<std::string_view, Dimension>, kDimensions> kNames{{
    {"model", Dimension::model},
    {"provider", Dimension::provider},
    {"project", Dimension::project},
    {"org", Dimension::org},
    {"user", Dimension::user},
    {"key", Dimension::key},
    {"endpoint", Dimension::endpoint},
    {"outcome", Dimension::outcome},
}};

bool admits_text(const std::string& wanted, std::string_view value) {
  return wanted.empty() || wanted == value;
}

}  // namespace

std::optional<Dimension> dimension_named(std::string_view name) {
  for (const auto& [known, dimension] : kNames) {
    if (known == name) return dimension;
  }
  return std::nullopt;
}

std::string_view name_of(Dimension dimension) {
  for (const auto& [name, known] : kNames) {
    if (known == dimension) return name;
  }
  return "model";
}

std::string_view value_of(Dimension dimension, const RecordFacts& facts) {
  switch (dimension) {
    case Dimension::model: return facts.model;
    case Dimension::provider: return facts.provider;
    case Dimension::project: return facts.project;
    case Dimension::org: return facts.org;
    case Dimension::user: return facts.user;
    case Dimension::key: return facts.key_name;
    case Dimension::endpoint: return facts.endpoint;
    case Dimension::outcome: return name_of(facts.outcome);
  }
  return {};
}

std::optional<WallTime> start_of(Granularity granularity, WallTime time) {
  switch (granularity) {
    case Granularity::none: return std::nullopt;
    case Granularity::hour: return WallTime(std::chrono::floor<std::chrono::hours>(time));
    case Granularity::day: return WallTime(std::chrono::floor<std::chrono::days>(time));
  }
  return std::nullopt;
}

bool RecordFilter::admits_names(const RecordFacts& facts) const {
  return facts.audit == audits && admits_text(org, facts.org) && admits_text(project, facts.project) &&
         admits_text(user, facts.user) && admits_text(key_name, facts.key_name) &&
         admits_text(provider, facts.provider) && admits_text(model, facts.model) &&
         admits_text(endpoint, facts.endpoint) && admits_text(outcome, name_of(facts.outcome)) &&
         admits_text(request_id, facts.request_id);
}

bool RecordFilter::admits(const RecordFacts& facts) const {
  return (!since || facts.time >= *since) && (!until || facts.time < *until) &&
         admits_names(facts);
}

void UsageSums::add(const RecordFacts& facts) {
  if (facts.correction) {  // nothing was asked or used again
    corrections += facts.cost;
    return;
  }
  ++requests;
  if (facts.outcome != Outcome::ok) ++errors;
  input += facts.input;
  output += facts.output;
  cached_input += facts.cached_input;
  cache_write += facts.cache_write;
  reasoning += facts.reasoning;
  if (facts.priced) {
    cost += facts.cost;
  } else if (facts.metered) {
    ++unpriced;
  }
}

void UsageSums::add(const UsageSums& more) {
  requests += more.requests;
  errors += more.errors;
  unpriced += more.unpriced;
  input += more.input;
  output += more.output;
  cached_input += more.cached_input;
  cache_write += more.cache_write;
  reasoning += more.reasoning;
  cost += more.cost;
  corrections += more.corrections;
}

}  // namespace farebox
