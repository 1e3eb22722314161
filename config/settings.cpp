#include "config/settings.hpp"

namespace farebox {

std::string_view name_of(DialectName name) {
  switch (name) {
    case DialectName::openai: return "openai";
    case DialectName::anthropic: return "anthropic";
    case DialectName::gemini: return "gemini";
    case DialectName::azure: return "azure";
    case DialectName::mistral: return "mistral";
    case DialectName::cohere: return "cohere";
    case DialectName::bedrock: return "bedrock";
    case DialectName::ollama: return "ollama";
  }
  return "openai";
}

std::string_view name_of(AlertChannel::Kind kind) {
  switch (kind) {
    case AlertChannel::Kind::webhook: return "webhook";
    case AlertChannel::Kind::slack: return "slack";
    case AlertChannel::Kind::teams: return "teams";
    case AlertChannel::Kind::pagerduty: return "pagerduty";
    case AlertChannel::Kind::email: return "email";
  }
  return "webhook";
}

std::string_view name_of(AlertLevel level) {
  switch (level) {
    case AlertLevel::info: return "info";
    case AlertLevel::warning: return "warning";
    case AlertLevel::critical: return "critical";
  }
  return "info";
}

std::vector<ProviderSettings> builtin_providers() {
  const auto provider = [](DialectName dialect, const char* base_url) {
    ProviderSettings settings;
    settings.name = name_of(dialect);
    settings.dialect = dialect;
    settings.base_url = base_url;
    return settings;
  };
  return {provider(DialectName::openai, "https://api.openai.com"),
          provider(DialectName::anthropic, "https://api.anthropic.com"),
          provider(DialectName::gemini, "https://generativelanguage.googleapis.com")};
}

}  // namespace farebox
