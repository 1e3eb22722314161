#include "proxy/provider.hpp"

#include "proxy/dialect/described.hpp"
#include "proxy/health_board.hpp"
#include "proxy/http/head.hpp"
#include "proxy/provider_state.hpp"
#include "proxy/name_cache.hpp"
#include "proxy/tls.hpp"
#include "proxy/upstream_slots.hpp"

namespace farebox {
namespace {

// Hosts whose streams end with usage whether asked or not, or that refuse the field
// (wire-formats, section 3): asking there can only hurt.
constexpr std::string_view kSendsUsageUnasked[] = {
    "api.mistral.ai",   "codestral.mistral.ai", "api.groq.com", "api.deepseek.com",
    "openrouter.ai",    "api.x.ai",             "api.perplexity.ai", "api.together.xyz",
    "api.cohere.com",   "api.z.ai",             "api.moonshot.ai",
};

bool sends_usage_unasked(DialectName dialect, std::string_view host) {
  if (dialect == DialectName::mistral || dialect == DialectName::cohere) return true;
  for (const std::string_view known : kSendsUsageUnasked) {
    if (http::equals_ignoring_case(host, known)) return true;
  }
  return false;
}

}  // namespace

Provider::Provider(ProviderSettings said)
    : settings(std::move(said)),
      ca_stamp(FileStamp::of(settings.ca_file)),
      described(settings.described ? described_dialect(*settings.described) : nullptr),
      dialect(described ? *described : dialect_for(settings.dialect)),
      slots(std::make_unique<PoolSlots>(settings.pool.max)),
      state(std::make_unique<ProviderState>(settings)),
      health(std::make_unique<HealthBoard>(settings.health_check.path.empty()
                                               ? std::chrono::milliseconds(0)
                                               : settings.pool.health_interval)) {}

Provider::~Provider() = default;

bool Provider::may_inject_usage() const {
  switch (settings.inject_usage) {
    case InjectUsage::always: return true;
    case InjectUsage::never: return false;
    case InjectUsage::automatic: break;
  }
  return !sends_usage_unasked(settings.dialect, host) &&
         !usage_refused_.load(std::memory_order_relaxed);
}

bool Provider::holds_key(std::string_view text) const {
  for (const Secret& key : settings.api_keys) {
    if (text.find(key.reveal()) != std::string_view::npos) return true;
  }
  if (!settings.proxy || settings.proxy->authorization.empty()) return false;
  std::string_view password = settings.proxy->authorization.reveal();
  password.remove_prefix(password.find(' ') + 1);
  return text.find(password) != std::string_view::npos;
}

Result<void> apply_base_url(std::string_view url, Provider& provider) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) {
    return Error(ErrorCode::invalid_config, "base_url has no scheme");
  }
  provider.tls = http::equals_ignoring_case(url.substr(0, colon), "https");
  url.remove_prefix(colon + 3);
  const std::size_t slash = url.find('/');
  const std::string_view authority = url.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? std::string_view() : url.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  provider.base_path = path;
  provider.host_header = authority;

  std::string_view host = authority;
  std::string_view port = provider.tls ? "443" : "80";
  const std::size_t bracket = host.rfind(']');
  const std::size_t last_colon = host.rfind(':');
  if (last_colon != std::string_view::npos &&
      (bracket == std::string_view::npos || last_colon > bracket)) {
    port = host.substr(last_colon + 1);
    host = host.substr(0, last_colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || port.empty()) return Error(ErrorCode::invalid_config, "base_url has no host");
  provider.host = host;
  provider.port = port;
  const auto& proxy = provider.settings.proxy;
  provider.names = NameCache::make(proxy ? proxy->host : provider.host,
                                   proxy ? std::to_string(proxy->port) : provider.port,
                                   provider.settings.pool.dns_refresh);
  return {};
}

}  // namespace farebox
