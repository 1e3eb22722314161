// check_whole: the rules between keys that the file, the environment and the
// command line may each have set. They speak in sentences.
#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/certificate.hpp"
#include "config/load.hpp"
#include "config/load_sections.hpp"

namespace farebox {

namespace {

Place place_of(const LoadResult& result, std::string_view key) {
  const auto said = result.places.find(key);
  return said == result.places.end() ? result.whole : said->second;
}

bool is_broken(const LoadResult& result, std::string_view key) {
  return place_of(result, key).broken;
}

void refuse(LoadResult& result, std::string_view key, std::string text) {
  const Place place = place_of(result, key);
  result.errors.push_back({place.file, place.line, std::move(text), false});
}

// A refused address was left at its default, which has been checked here as well.
Address address_of(const std::string& text) { return *parse_address(text); }

const ProviderSettings* provider_with_keys(const LoadResult& result) {
  for (const ProviderSettings& provider : result.settings.providers) {
    const std::string keys_file = fmt::format("providers.{}.api_keys_file", provider.name);
    if (!provider.api_keys.empty() || is_broken(result, keys_file)) return &provider;
  }
  return nullptr;
}

// Whoever can connect would spend the operator's money.
void check_no_open_relay(LoadResult& result) {
  const Settings& settings = result.settings;
  if (is_loopback(address_of(settings.listen))) return;
  if (settings.auth.require_keys || settings.auth.allow_anonymous) return;
  const ProviderSettings* provider = provider_with_keys(result);
  if (provider == nullptr) return;
  refuse(result, "listen",
         fmt::format("listen is {}, which other machines can reach, and provider {} has keys of "
                     "its own, so anyone could spend your money; listen on 127.0.0.1, set "
                     "auth.require_keys: true, or accept it with auth.allow_anonymous: true",
                     in_quotes(settings.listen), in_quotes(provider->name)));
}

void check_admin(LoadResult& result) {
  const AdminSettings& admin = result.settings.admin;
  // A token that was given but refused has its own message already.
  const bool token_given = !admin.token.empty() || is_broken(result, "admin.token") ||
                           is_broken(result, "admin.token_file");
  if (!is_loopback(address_of(admin.listen)) && !token_given) {
    refuse(result, "admin.listen",
           fmt::format("admin.listen is {}, which other machines can reach, and there is no token; "
                       "set admin.token or FAREBOX_ADMIN_TOKEN, or listen on 127.0.0.1",
                       in_quotes(admin.listen)));
  }
  if (admin.read_token.empty()) return;
  const bool from_file = result.places.contains("admin.read_token_file");
  const char* const said_at = from_file ? "admin.read_token_file" : "admin.read_token";
  if (!token_given) {
    refuse(result, said_at,
           "admin.read_token is set but admin.token is not, so nobody could write; set admin.token "
           "as well");
  } else if (admin.read_token.reveal() == admin.token.reveal()) {
    refuse(result, said_at,
           "admin.read_token is the same as admin.token, so readers could write; choose another");
  }
}

// The kernel would share one port between the two, or refuse the second.
void check_two_ports(LoadResult& result) {
  const Address data = address_of(result.settings.listen);
  if (!collide(data, address_of(result.settings.admin.listen))) return;
  refuse(result, "admin.listen",
         fmt::format("admin.listen is {} and listen is {}, both need a {} of their own; change "
                     "one of them",
                     in_quotes(result.settings.admin.listen), in_quotes(result.settings.listen),
                     data.is_unix() ? "socket" : "port"));
}

void check_tls(LoadResult& result) {
  const TlsSettings& tls = result.settings.tls;
  if (is_broken(result, "tls.cert_file") || is_broken(result, "tls.key_file")) return;
  if (tls.cert_file.empty() && tls.key_file.empty()) return;
  if (!tls.cert_file.empty() && !tls.key_file.empty()) {
    const CertificateReading read = read_certificate(tls);
    if (!read.certificate) refuse(result, read.at, read.why);
    for (const auto& [at, why] : read.warnings) {
      const Place place = place_of(result, at);
      result.warnings.push_back({place.file, place.line, why, true});
    }
    return;
  }
  const bool lacks_key = tls.key_file.empty();
  refuse(result, lacks_key ? "tls.cert_file" : "tls.key_file",
         fmt::format("tls has {0} but not {1}, and HTTPS needs both; add tls.{1} or remove tls.{0}",
                     lacks_key ? "cert_file" : "key_file", lacks_key ? "key_file" : "cert_file"));
}

}  // namespace

void check_whole(LoadResult& result) {
  check_no_open_relay(result);
  check_admin(result);
  check_two_ports(result);
  check_tls(result);
  choose_proxies(result);
  sort_by_line(result.errors);
}

}  // namespace farebox
