#include "config/address.hpp"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "config/scalars.hpp"

namespace farebox {

namespace {

Error refusal(const char* why) { return Error(ErrorCode::invalid_config, why); }

bool is_ipv4(const std::string& host) {
  in_addr binary{};
  return inet_pton(AF_INET, host.c_str(), &binary) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr binary{};
  return inet_pton(AF_INET6, host.c_str(), &binary) == 1;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && !host.starts_with('.') && !host.starts_with('-') &&
         host.find("..") == host.npos && std::all_of(host.begin(), host.end(), is_name_character);
}

// 300.1.1.1 and 127.1 must not be taken for names.
bool looks_numeric(std::string_view host) {
  return host.find_first_not_of("0123456789.") == host.npos;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  const Result<std::uint64_t> port = parse_count(text);
  if (!port || *port > 65'535) {
    return refusal("its port is not a number from 0 to 65535; write it like 127.0.0.1:4141");
  }
  return static_cast<std::uint16_t>(*port);
}

// A path longer than what sockaddr_un holds (unix(7)) would be cut in silence elsewhere.
Result<Address> parse_unix(std::string_view path) {
  if (path.starts_with("//")) path.remove_prefix(2);  // unix:///run/... as URLs write it
  if (path.empty() || path.ends_with('/')) {
    return refusal("it names no file; write it like unix:/run/farebox/farebox.sock");
  }
  if (path.starts_with('@') || path.find('\0') != path.npos) {
    return refusal("abstract sockets have no permissions, so everybody could connect; write a path, "
                   "like unix:/run/farebox/farebox.sock");
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return refusal("its path is longer than the 107 octets a Unix socket can have; choose a shorter "
                   "one, like unix:/run/farebox/farebox.sock");
  }
  Address address;
  address.path = path;
  return address;
}

// http://::1:8000: two colons behind the slashes and no bracket.
bool lacks_brackets(std::string_view url) {
  const auto slashes = url.find("://");
  if (slashes == url.npos) return false;
  std::string_view authority = url.substr(slashes + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  return authority.find_first_of("[@") == authority.npos &&
         std::count(authority.begin(), authority.end(), ':') > 1;
}

bool has_space_or_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  });
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text.substr(5));
  if (text.find("://") != text.npos) {
    return refusal("it is a URL, an address was expected; write HOST:PORT, such as 127.0.0.1:4141");
  }
  const auto colon = text.rfind(':');
  if (colon == text.npos) {
    return refusal("it has no port or no host; write HOST:PORT, such as 127.0.0.1:4141");
  }
  const Result<std::uint16_t> port = parse_port(text.substr(colon + 1));
  const std::string_view host = text.substr(0, colon);

  if (host.starts_with('[')) {
    const std::string inside(host.ends_with(']') ? host.substr(1, host.size() - 2) : "");
    if (!is_ipv6(inside)) {
      return refusal("no IPv6 address stands between its brackets; write it like [::1]:4141");
    }
    if (!port) return port.error();
    return Address{inside, *port, ""};
  }
  if (host.find(':') != host.npos) {
    return refusal("an IPv6 address needs brackets; write it like [::1]:4141");
  }
  if (host.empty()) {
    return refusal("it has no host; write 127.0.0.1 for this machine only, 0.0.0.0 for all of its "
                   "addresses");
  }
  const std::string name(host);
  if (looks_numeric(host) ? !is_ipv4(name) : !is_host_name(host)) {
    return refusal("its host is neither an IP address nor a name; write HOST:PORT, such as "
                   "127.0.0.1:4141");
  }
  if (!port) return port.error();
  return Address{name, *port, ""};
}

bool is_loopback(const Address& address) {
  if (address.is_unix()) return true;
  in_addr four{};
  if (inet_pton(AF_INET, address.host.c_str(), &four) == 1) {
    return (ntohl(four.s_addr) >> 24) == 127;
  }
  in6_addr six{};
  if (inet_pton(AF_INET6, address.host.c_str(), &six) == 1) {
    // ::ffff:127.0.0.1 binds to 127.0.0.1.
    return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
  }
  std::string name = address.host;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return name == "localhost";
}

bool collide(const Address& a, const Address& b) {
  if (a.is_unix() || b.is_unix()) return a.path == b.path;
  const bool same_host = a.host == b.host || is_wildcard(a) || is_wildcard(b);
  return a.port != 0 && a.port == b.port && same_host;
}

bool is_wildcard(const Address& address) {
  in6_addr six{};
  return address.host == "0.0.0.0" || (inet_pton(AF_INET6, address.host.c_str(), &six) == 1 &&
                                       IN6_IS_ADDR_UNSPECIFIED(&six));
}

Result<void> check_base_url(std::string_view url) {
  if (has_space_or_control(url)) {
    return refusal("a URL holds no spaces or control characters; remove them");
  }
  if (lacks_brackets(url)) {
    return refusal("an IPv6 address needs brackets; write it like http://[::1]:8000");
  }
  const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
  if (!parsed || (parsed->scheme() != "http" && parsed->scheme() != "https")) {
    return refusal("it is not an http:// or https:// URL; write it like https://api.openai.com");
  }
  if (!parsed->has_authority() || parsed->encoded_host().empty() ||
      parsed->encoded_host().find('%') != parsed->encoded_host().npos) {
    return refusal("it has no usable host; write it like https://api.openai.com");
  }
  const std::string digits(parsed->port().data(), parsed->port().size());
  const Result<std::uint16_t> port = parse_port(digits);
  if (parsed->has_userinfo()) {
    return refusal("it holds a user or password before the @; remove it and use api_keys");
  }
  if (parsed->has_query() || parsed->has_fragment()) {
    return refusal("it has a ? or # part, but request paths are appended to it; end it before "
                   "that");
  }
  if (parsed->has_port() && (!port || *port == 0)) {
    return refusal("its port is not a number from 1 to 65535; write it like http://127.0.0.1:8000");
  }
  return {};
}

Result<void> check_origin(std::string_view origin) {
  constexpr const char* kHow =
      "it is not the origin of a web page; write it like https://app.example.com, without a path";
  if (has_space_or_control(origin)) return refusal(kHow);
  const auto parsed = boost::urls::parse_uri({origin.data(), origin.size()});
  if (!parsed || !parsed->has_authority() || parsed->encoded_host().empty() ||
      parsed->has_userinfo() || !parsed->encoded_path().empty() || parsed->has_query() ||
      parsed->has_fragment()) {
    return refusal(kHow);
  }
  return {};
}

Result<void> check_host_pattern(std::string_view pattern) {
  constexpr const char* kHow =
      "it is not the name of a host; write it like api.openai.com or *.openai.azure.com";
  std::string_view host = pattern;
  if (const auto colon = host.rfind(':'); colon != host.npos && !host.ends_with(']')) {
    if (!parse_port(host.substr(colon + 1))) return refusal(kHow);
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    if (is_ipv6(std::string(host.substr(1, host.size() - 2)))) return {};
    return refusal(kHow);
  }
  if (host.starts_with("*.")) host.remove_prefix(2);
  if (!is_host_name(host)) return refusal(kHow);
  return {};
}

}  // namespace farebox
