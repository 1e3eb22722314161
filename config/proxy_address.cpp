#include "config/proxy_address.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "config/scalars.hpp"

namespace farebox {

namespace {

Error refusal(const char* why) { return Error(ErrorCode::invalid_config, why); }

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

void wipe(std::string& text) { OPENSSL_cleanse(text.data(), text.size()); }

// RFC 7617, 2: "Basic " and base64 of user ":" password.
Secret basic(std::string user, std::string password) {
  std::string plain;
  plain.reserve(user.size() + password.size() + 1);
  plain += user;
  plain += ':';
  plain += password;
  constexpr std::string_view kScheme = "Basic ";
  std::string value(kScheme.size() + (plain.size() + 2) / 3 * 4 + 1, '\0');
  value.replace(0, kScheme.size(), kScheme);
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(value.data() + kScheme.size()),
                  reinterpret_cast<const unsigned char*>(plain.data()),
                  static_cast<int>(plain.size()));
  value.pop_back();  // EncodeBlock ends with a NUL
  wipe(plain);
  wipe(user);
  wipe(password);
  return Secret(std::move(value));
}

constexpr const char* kHow =
    "it is not the URL of an HTTP proxy; write it like http://proxy.example:3128 or "
    "http://USER:PASSWORD@proxy.example:3128, special characters of user and password as %XX";

}  // namespace

bool ProxyAddress::operator==(const ProxyAddress& other) const {
  return tls == other.tls && host == other.host && port == other.port &&
         authorization.reveal() == other.authorization.reveal();
}

std::string shown(const ProxyAddress& proxy) {
  const bool six = proxy.host.find(':') != proxy.host.npos;
  return (six ? "[" + proxy.host + "]" : proxy.host) + ":" + std::to_string(proxy.port);
}

Result<ProxyAddress> parse_proxy_url(std::string_view url) {
  std::string whole(url.find("://") == url.npos ? "http://" : "");
  whole += url;
  const Secret text(std::move(whole));  // it holds a password, so it is wiped
  const auto parsed = boost::urls::parse_uri({text.reveal().data(), text.reveal().size()});
  if (!parsed || !parsed->has_authority() || parsed->encoded_host().empty()) return refusal(kHow);
  ProxyAddress proxy;
  if (parsed->scheme_id() == boost::urls::scheme::https) {
    proxy.tls = true;
  } else if (parsed->scheme_id() != boost::urls::scheme::http) {
    return refusal("it is a proxy of another kind, and only HTTP proxies are spoken to; write "
                   "http://HOST:PORT or https://HOST:PORT");
  }
  const auto path = parsed->encoded_path();
  if ((!path.empty() && path != "/") || parsed->has_query() || parsed->has_fragment()) {
    return refusal("it goes on behind its port, where a proxy has nothing; end it there, and write "
                   "/ ? and # of a user or password as %2F %3F %23");
  }
  const auto host = parsed->encoded_host();
  if (host.find('%') != host.npos) return refusal(kHow);
  proxy.host.assign(host.data(), host.size());
  if (proxy.host.starts_with('[')) proxy.host = proxy.host.substr(1, proxy.host.size() - 2);

  proxy.port = proxy.tls ? 443 : 80;
  if (parsed->has_port()) {
    const Result<std::uint64_t> port =
        parse_count(std::string_view(parsed->port().data(), parsed->port().size()));
    if (!port || *port == 0 || *port > 65'535) {
      return refusal("its port is not a number from 1 to 65535; write it like "
                     "http://proxy.example:3128");
    }
    proxy.port = static_cast<std::uint16_t>(*port);
  }
  if (parsed->has_userinfo()) {
    const auto user = parsed->user();
    const auto password = parsed->password();
    if (has_control(user) || has_control(password) || user.find(':') != user.npos) {
      return refusal("its user or password holds a character that Basic authentication can't "
                     "carry; ask for another");
    }
    proxy.authorization = basic(user, password);
  }
  return proxy;
}

}  // namespace farebox
