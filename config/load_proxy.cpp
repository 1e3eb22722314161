// upstream_proxy, and what HTTPS_PROXY and its kin say where it is silent.
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "config/address.hpp"
#include "config/load_sections.hpp"

namespace farebox {

namespace {

using Way = UpstreamProxySettings::Way;

// The first of these that holds something. Programs disagree on the order of the two
// spellings; curl takes the small letters first.
struct Said {
  std::string_view name;
  std::string text;
};
std::optional<Said> first_of(std::initializer_list<std::string_view> names,
                             const Environment& environment) {
  for (const std::string_view name : names) {
    auto text = environment ? environment(name) : std::nullopt;
    if (text && !text->empty()) return Said{name, std::move(*text)};
  }
  return std::nullopt;
}

std::optional<ProxyAddress> read_variable(std::initializer_list<std::string_view> names,
                                          const Environment& environment, LoadResult& result) {
  for (const std::string_view name : names) {
    const auto text = environment ? environment(name) : std::nullopt;
    if (text && text->find('@') != text->npos) result.secret_variables.emplace(name);
  }
  const auto said = first_of(names, environment);
  if (!said) return std::nullopt;
  Result<ProxyAddress> proxy = parse_proxy_url(said->text);
  if (!proxy) {
    result.warnings.push_back({"environment", 0,
                               fmt::format("{} can't be used and is ignored, {}", said->name,
                                           proxy.error().context),
                               true});
    return std::nullopt;
  }
  proxy->said_by = said->name;
  return std::move(*proxy);
}

// Is this one of this machine's own addresses? Names are not resolved.
bool is_this_machine(const std::string& host) {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0 && host == name.data()) return true;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  bool found = false;
  for (const ifaddrs* each = list; each != nullptr && !found; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    const auto family = each->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    std::array<char, NI_MAXHOST> text{};
    const auto size = static_cast<socklen_t>(family == AF_INET ? sizeof(sockaddr_in)
                                                               : sizeof(sockaddr_in6));
    found = ::getnameinfo(each->ifa_addr, size, text.data(), text.size(), nullptr, 0,
                          NI_NUMERICHOST) == 0 &&
            host == text.data();
  }
  ::freeifaddrs(list);
  return found;
}

// A pod or a shell sets HTTPS_PROXY to farebox for the sake of the app beside it; what
// farebox itself sends must not come back to it.
bool points_at_us(const ProxyAddress& proxy, const std::string& listen) {
  const Result<Address> own = parse_address(listen);
  if (!own || own->port != proxy.port) return false;
  if (own->host == proxy.host) return true;
  const bool anywhere = is_wildcard(*own);
  if (is_wildcard({proxy.host, proxy.port, {}})) return anywhere || is_loopback(*own);
  if (is_loopback({proxy.host, proxy.port, {}})) return anywhere || is_loopback(*own);
  return anywhere && is_this_machine(proxy.host);
}

// The environment's choice for one address.
const ProxyAddress* by_environment(std::string_view base_url, const ProxyEnvironment& said) {
  const auto url = boost::urls::parse_uri({base_url.data(), base_url.size()});
  if (!url) return nullptr;  // refused elsewhere
  const bool tls = url->scheme() == "https";
  std::string host(url->encoded_host().data(), url->encoded_host().size());
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = url->port_number();
  if (port == 0) port = tls ? 443 : 80;
  // No proxy elsewhere can reach what only this machine can.
  if (is_loopback({host, port, {}}) || host.ends_with(".localhost")) return nullptr;
  const auto& first = tls ? said.https : said.http;
  const auto& proxy = first ? first : said.all;
  if (!proxy || said.without.covers(host, port)) return nullptr;
  return &*proxy;
}

}  // namespace

void read_upstream_proxy(MapReader& keys, UpstreamProxySettings& proxy) {
  Secret url;
  keys.secret({"upstream_proxy", "upstream_proxy_file"}, url);
  const char* const key = keys.has("upstream_proxy") ? "upstream_proxy" : "upstream_proxy_file";
  if (!keys.has(key) || keys.is_broken(key)) return;
  if (url.empty() || url.reveal() == "none") {
    proxy.way = url.empty() && keys.path().empty() ? Way::unsaid : Way::direct;
    return;
  }
  Result<ProxyAddress> address = parse_proxy_url(url.reveal());
  // A password may stand anywhere in a URL that can't be read, so it isn't shown.
  if (!address) return keys.refuse(key, fmt::format("can't be used, {}", address.error().context));
  proxy.way = Way::proxied;
  proxy.address = std::move(*address);
  proxy.address.said_by = "upstream_proxy";
}

void read_proxy_environment(const Environment& environment, LoadResult& result) {
  ProxyEnvironment& said = result.settings.proxy_environment;
  said.https = read_variable({"https_proxy", "HTTPS_PROXY"}, environment, result);
  // Never HTTP_PROXY: where programs run as CGI, a client sets it with a Proxy header.
  said.http = read_variable({"http_proxy"}, environment, result);
  said.all = read_variable({"all_proxy", "ALL_PROXY"}, environment, result);
  if (const auto list = first_of({"no_proxy", "NO_PROXY"}, environment)) {
    said.without = NoProxyList(list->text);
  }
}

void choose_proxies(LoadResult& result) {
  Settings& settings = result.settings;
  std::string ours;
  for (auto* const proxy : {&settings.proxy_environment.https, &settings.proxy_environment.http,
                            &settings.proxy_environment.all}) {
    if (!*proxy || !points_at_us(**proxy, settings.listen)) continue;
    ours += (ours.empty() ? "" : ", ") + (*proxy)->said_by;
    proxy->reset();
  }
  if (!ours.empty()) {
    result.warnings.push_back(
        {"environment", 0,
         fmt::format("{} points at farebox itself, which listens on {}, so it is ignored; set "
                     "upstream_proxy to use another proxy, or to 'none' to use none",
                     ours, in_quotes(settings.listen)),
         true});
  }
  for (ProviderSettings& provider : settings.providers) {
    const UpstreamProxySettings& said = provider.upstream_proxy.way == Way::unsaid
                                            ? settings.upstream_proxy
                                            : provider.upstream_proxy;
    provider.proxy.reset();
    if (said.way == Way::proxied) {
      provider.proxy = said.address;
    } else if (said.way == Way::unsaid) {
      const ProxyAddress* const proxy = by_environment(provider.base_url, settings.proxy_environment);
      if (proxy != nullptr) provider.proxy = *proxy;
    }
  }
  for (AlertChannel& channel : settings.alerts.channels) {
    channel.proxy.reset();
    if (channel.kind == AlertChannel::Kind::email) continue;
    if (settings.upstream_proxy.way == Way::proxied) {
      channel.proxy = settings.upstream_proxy.address;
    } else if (settings.upstream_proxy.way == Way::unsaid) {
      const ProxyAddress* const proxy =
          by_environment(channel.url.reveal(), settings.proxy_environment);
      if (proxy != nullptr) channel.proxy = *proxy;
    }
  }
}

}  // namespace farebox
