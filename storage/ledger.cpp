#include "storage/ledger.hpp"

#include <array>
#include <utility>

namespace farebox {
namespace {

constexpr std::array<std::pair<std::string_view, Dimension>, 8> kDimensions{{
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
  for (const auto& [known, dimension] : kDimensions) {
    if (known == name) return dimension;
  }
  return std::nullopt;
}

std::string_view name_of(Dimension dimension) {
  for (const auto& [name, known] : kDimensions) {
    if (known == dimension) return name;
  }
  return "model";
}

bool RecordFilter::admits(const Record& record) const {
  return (!since || record.time >= *since) && (!until || record.time < *until) &&
         admits_text(org, record.org) && admits_text(project, record.project) &&
         admits_text(user, record.user) && admits_text(key_name, record.key_name) &&
         admits_text(provider, record.provider) && admits_text(model, record.model) &&
         admits_text(endpoint, record.endpoint) &&
         admits_text(outcome, name_of(record.outcome)) &&
         admits_text(request_id, record.request_id);
}

void UsageSums::add(const Record& record) {
  ++requests;
  if (record.outcome != Outcome::ok) ++errors;
  input += record.usage.input;
  output += record.usage.output;
  cached_input += record.usage.cached_input;
  cache_write += record.usage.cache_write;
  reasoning += record.usage.reasoning;
  if (record.priced) {
    cost += record.cost;
  } else if (record.metered) {
    ++unpriced;
  }
}

}  // namespace farebox
