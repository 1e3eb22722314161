// Provider: one configured upstream as the workers see it.
//
// Built once from its settings; the few things that change while it runs are
// atomics. Shared by all workers, thread-safe. A reload that changes nothing of it keeps
// it as it is, with its connections; one that does makes another.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"
#include "config/file_stamp.hpp"
#include "config/settings.hpp"
#include "proxy/dialect/dialect.hpp"

namespace farebox {

class TlsClient;
class HealthBoard;
class NameCache;
class PoolSlots;
class ProviderState;

struct Provider {
  explicit Provider(ProviderSettings said);
  ~Provider();
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;

  const ProviderSettings settings;
  const FileStamp ca_stamp;  // of the CA file it was made with
  const std::unique_ptr<const Dialect> described;  // null: a dialect that farebox knows
  const Dialect& dialect;

  // The base URL, taken apart.
  bool tls = false;
  std::string host;         // a name or an address without brackets
  std::string port;
  std::string host_header;  // as the Host field must say it
  std::string base_path;    // "" or "/v1", never a slash at the end

  std::unique_ptr<TlsClient> tls_client;  // null for plain HTTP
  std::unique_ptr<TlsClient> proxy_tls;   // towards settings.proxy, where that is https://
  std::unique_ptr<PoolSlots> slots;
  const std::unique_ptr<ProviderState> state;  // what its calls have taught
  std::shared_ptr<NameCache> names;     // the addresses of who is dialled: it, or its proxy
  std::unique_ptr<HealthBoard> health;  // what the active checks found

  // Does asking an OpenAI-style stream for usage help here? False when the provider
  // sends it unasked, refuses the field, or the operator said never.
  bool may_inject_usage() const;
  // The provider answered 4xx to stream_options: don't ask again.
  void remember_usage_refused() { usage_refused_.store(true, std::memory_order_relaxed); }

  // True once for each kind of hint: a mistake of every request is one line in the log.
  bool first_hint(std::uint8_t kind) {
    const auto bit = static_cast<std::uint8_t>(1u << kind);
    return (hinted_.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  }

  bool has_keys() const { return !settings.api_keys.empty(); }
  // An HTTP proxy reads our requests, so they name the whole URL (RFC 9112, 3.2.2); through
  // a tunnel it sees none of them.
  bool asks_proxy() const { return settings.proxy.has_value() && !tls; }
  // Does `text` hold one of the provider's keys, or its proxy's password? Such a header never reaches a client.
  bool holds_key(std::string_view text) const;

 private:
  std::atomic<bool> usage_refused_{false};
  std::atomic<std::uint8_t> hinted_{0};
  bool sends_usage_unasked_ = false;
};

// In the order of the file.
using Providers = std::vector<std::shared_ptr<Provider>>;

// Takes a base URL apart into the fields of `provider`. Error: invalid_config.
Result<void> apply_base_url(std::string_view url, Provider& provider);

}  // namespace farebox
