#include "policy/anomaly_text.hpp"

#include <fmt/format.h>

namespace farebox {
namespace {

std::string contributors_of(const SpendAnomaly& anomaly) {
  std::string text;
  for (const NamedSpend& each : anomaly.contributors) {
    text += fmt::format("{}{} {} {}", text.empty() ? " Most of it: " : ", ", each.dimension, each.name,
                        usd_text(each.cost));
  }
  return text.empty() ? text : text + ".";
}

std::string repeaters_of(const SpendAnomaly& storm) {
  std::string text;
  for (const NamedRetries& each : storm.repeaters) {
    text += fmt::format("{}{} {} {}", text.empty() ? " Most of them: " : ", ", each.dimension,
                        each.name, each.retries);
  }
  return text.empty() ? text : text + ".";
}

}  // namespace

AlertKind kind_of(const SpendAnomaly& anomaly) {
  switch (anomaly.kind) {
    case SpendAnomaly::Kind::spend_rise: return AlertKind::spend_rise;
    case SpendAnomaly::Kind::new_model: return AlertKind::new_model;
    case SpendAnomaly::Kind::new_key: return AlertKind::new_key;
    case SpendAnomaly::Kind::retry_storm: break;
  }
  return AlertKind::retry_storm;
}

AlertWords anomaly_words(const SpendAnomaly& anomaly) {
  const std::string hour = rfc3339(anomaly.hour);
  switch (anomaly.kind) {
    case SpendAnomaly::Kind::spend_rise:
      return {fmt::format("Spend of {} is far above the usual", anomaly.scope),
              fmt::format("{} spent {} in the hour from {}; such an hour mostly costs {}.{} Look who "
                          "it is with farebox usage --by key,model --since 3h; a budget on them would "
                          "stop it.", anomaly.scope, usd_text(anomaly.seen), hour,
                          usd_text(anomaly.expected), contributors_of(anomaly))};
    case SpendAnomaly::Kind::new_model:
      return {fmt::format("Model {} is new", anomaly.scope),
              fmt::format("The model {} was used for the first time, in the hour from {}, for {}. If "
                          "it isn't meant, allow keys the models they need only.", anomaly.scope, hour,
                          usd_text(anomaly.seen))};
    case SpendAnomaly::Kind::new_key:
      return {fmt::format("Key {} is new", anomaly.scope),
              fmt::format("The virtual key {} was used for the first time, in the hour from {}, for "
                          "{}. If nobody knows it: farebox keys revoke {}.", anomaly.scope, hour,
                          usd_text(anomaly.seen), anomaly.scope)};
    case SpendAnomaly::Kind::retry_storm: break;
  }
  const bool all = anomaly.scope == "all";
  return {all ? "Clients repeat their calls again and again"
              : fmt::format("Clients of {} repeat their calls again and again", anomaly.scope),
          fmt::format("{} of {} requests{}{} in the hour from {} were repetitions of one that failed, "
                      "as the clients say (x-stainless-retry-count).{} Look what fails with farebox "
                      "usage --by outcome,model --since 3h; it is told again after an hour without.",
                      anomaly.retries, anomaly.requests, all ? "" : " of ", all ? "" : anomaly.scope,
                      hour, repeaters_of(anomaly))};
}

}  // namespace farebox
