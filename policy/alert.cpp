#include "policy/alert.hpp"

#include <array>

namespace farebox {
namespace {

struct Row {
  AlertKind kind;
  std::string_view name;
  AlertLevel level;
};
constexpr std::array<Row, kAlertKinds> kRows{{
    {AlertKind::budget_warning, "budget_warning", AlertLevel::warning},
    {AlertKind::budget_critical, "budget_critical", AlertLevel::critical},
    {AlertKind::budget_exceeded, "budget_exceeded", AlertLevel::critical},
    {AlertKind::budget_forecast, "budget_forecast", AlertLevel::warning},
    {AlertKind::rate_limited, "rate_limited", AlertLevel::warning},
    {AlertKind::model_unpriced, "model_unpriced", AlertLevel::warning},
    {AlertKind::breaker_open, "breaker_open", AlertLevel::critical},
    {AlertKind::ledger_failed, "ledger_failed", AlertLevel::critical},
    {AlertKind::ledger_recovered, "ledger_recovered", AlertLevel::info},
    {AlertKind::spend_rise, "spend_rise", AlertLevel::warning},
    {AlertKind::new_model, "new_model", AlertLevel::info},
    {AlertKind::new_key, "new_key", AlertLevel::info},
    {AlertKind::retry_storm, "retry_storm", AlertLevel::warning},
    {AlertKind::test, "test", AlertLevel::info},
}};

}  // namespace

std::string_view name_of(AlertKind kind) { return kRows[static_cast<std::size_t>(kind)].name; }

AlertLevel level_of(AlertKind kind) { return kRows[static_cast<std::size_t>(kind)].level; }

bool is_event(AlertKind kind) {
  switch (kind) {
    case AlertKind::budget_warning:
    case AlertKind::budget_critical:
    case AlertKind::budget_exceeded:
    case AlertKind::budget_forecast:
    case AlertKind::rate_limited:
    case AlertKind::model_unpriced:
    case AlertKind::breaker_open:
    case AlertKind::ledger_failed: return false;
    case AlertKind::ledger_recovered:
    case AlertKind::spend_rise:
    case AlertKind::new_model:
    case AlertKind::new_key:
    case AlertKind::retry_storm:
    case AlertKind::test: break;
  }
  return true;
}

std::optional<AlertKind> alert_kind_named(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

std::string text_of(const AlertScope& scope) {
  std::string text;
  for (const auto& [name, value] : scope) text += (text.empty() ? "" : " ") + name + "=" + value;
  return text;
}

}  // namespace farebox
