#include "proxy/retry_memory.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

constexpr double kWhole = 10'000;  // parts are kept as whole numbers of it

std::uint64_t whole(double value) { return static_cast<std::uint64_t>(std::clamp(value, 0.0, 1e15)); }

}  // namespace

std::string retry_memory_json(const std::vector<RetryStorms::Memory>& memory) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("version").number(std::uint64_t{1});
  json.key("scopes").begin_array();
  for (const RetryStorms::Memory& each : memory) {
    json.begin_object();
    json.key("project").string(each.project);
    json.key("weight").number(whole(each.weight));
    json.key("storming").boolean(each.storming);
    json.key("parts").begin_array();
    for (const float part : each.parts) json.number(whole(static_cast<double>(part) * kWhole + 0.5));
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out;
}

Result<std::vector<RetryStorms::Memory>> read_retry_memory(std::string_view text) {
  const Error damaged(ErrorCode::ledger_damaged, "what was remembered of retries can't be read");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged;
  const auto scopes = json.find("scopes");
  if (scopes == json.end() || !scopes->is_array()) return damaged;
  std::vector<RetryStorms::Memory> memory;
  for (const Json& scope : *scopes) {
    if (!scope.is_object()) return damaged;
    const auto project = scope.find("project"), weight = scope.find("weight"),
               storming = scope.find("storming"), parts = scope.find("parts");
    const bool whole_scope = project != scope.end() && project->is_string() &&
                             weight != scope.end() && weight->is_number_unsigned() &&
                             storming != scope.end() && storming->is_boolean() &&
                             parts != scope.end() && parts->is_array();
    if (!whole_scope) return damaged;
    RetryStorms::Memory& each = memory.emplace_back();
    each.project = project->get<std::string>();
    each.weight = static_cast<double>(weight->get<std::uint64_t>());
    each.storming = storming->get<bool>();
    for (const Json& part : *parts) {
      if (!part.is_number_unsigned()) return damaged;
      each.parts.push_back(static_cast<float>(std::min(1.0, part.get<double>() / kWhole)));
    }
  }
  return memory;
}

}  // namespace farebox
