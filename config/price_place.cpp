#include "config/price_place.hpp"

namespace farebox {

namespace {

// Without scheme, port and path. Twice for every request, so octet by octet: the library's
// find_first_of calls a function for each.
std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  std::size_t end = 0;
  while (end != url.size() && url[end] != ':' && url[end] != '/') ++end;
  return url.substr(0, end);
}

// What stands between the two, or nothing.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  const std::size_t begin = text.find(before);
  if (begin == text.npos) return {};
  text.remove_prefix(begin + before.size());
  const std::size_t end = text.find(after);
  return end == text.npos ? std::string_view() : text.substr(0, end);
}

}  // namespace

std::string_view price_place(const ProviderSettings& provider, std::string_view target) {
  if (!provider.data_residency.empty()) return provider.data_residency;
  const std::string_view host = host_of(provider.base_url);
  constexpr std::string_view kOpenAi = ".api.openai.com";
  if (host.ends_with(kOpenAi)) return host.substr(0, host.size() - kOpenAi.size());
  if (host.starts_with("bedrock-")) return between(host, ".", ".");
  constexpr std::string_view kVertex = "-aiplatform.googleapis.com";
  if (host.ends_with(kVertex)) return host.substr(0, host.size() - kVertex.size());
  if (host == kVertex.substr(1)) return between(target, "/locations/", "/");
  return {};
}

}  // namespace farebox
