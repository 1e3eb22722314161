#include "config/no_proxy.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "config/scalars.hpp"

namespace farebox {

namespace {

using Octets = std::vector<unsigned char>;

constexpr unsigned kFourInSix = 96;  // bits before an IPv4 address in ::ffff:0:0/96

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// 16 octets, an IPv4 address mapped into IPv6; empty for what is no address. `is_four`
// says which spelling it had.
Octets address_octets(const std::string& text, bool& is_four) {
  Octets octets(16, 0);
  is_four = false;
  if (inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) return octets;
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) != 1) return {};
  is_four = true;
  octets[10] = octets[11] = 0xff;
  std::memcpy(octets.data() + 12, &four, 4);
  return octets;
}

bool same_network(const Octets& a, const Octets& b, unsigned bits) {
  const unsigned whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

// Takes ":PORT" from the end of an entry. False for a port that is none.
bool take_port(std::string_view& entry, std::uint16_t& port) {
  const auto colon = entry.rfind(':');
  if (colon == entry.npos) return true;
  // More colons without brackets: an IPv6 address, which ends without a port.
  const bool bracketed = entry.front() == '[';
  if (bracketed ? entry[colon - 1] != ']' : entry.find(':') != colon) return true;
  const auto number = parse_count(entry.substr(colon + 1));
  if (!number || *number == 0 || *number > 65'535) return false;
  port = static_cast<std::uint16_t>(*number);
  entry = entry.substr(0, colon);
  return true;
}

}  // namespace

NoProxyList::NoProxyList(std::string_view list) {
  constexpr std::string_view kBetween = ", \t\r\n";
  while (true) {
    const auto begin = list.find_first_not_of(kBetween);
    if (begin == list.npos) return;
    list.remove_prefix(begin);
    const auto end = std::min(list.find_first_of(kBetween), list.size());
    std::string_view said = list.substr(0, end);
    list.remove_prefix(end);

    Entry entry;
    if (!take_port(said, entry.port)) continue;
    const auto slash = said.find('/');
    std::string host = lower(said.substr(0, slash));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    bool is_four = false;
    entry.network = address_octets(host, is_four);
    if (slash != said.npos) {
      const auto bits = parse_count(said.substr(slash + 1));
      if (entry.network.empty() || !bits || *bits > (is_four ? 32u : 128u)) continue;
      entry.prefix = static_cast<unsigned>(*bits) + (is_four ? kFourInSix : 0);
    } else {
      entry.prefix = 128;
    }
    if (entry.network.empty() && host != "*") {
      if (host.starts_with("*.")) host.erase(0, 1);
      while (host.starts_with('.')) host.erase(0, 1);
      while (host.ends_with('.')) host.pop_back();
      if (host.empty()) continue;
      entry.host = host;
    }
    entries_.push_back(std::move(entry));
  }
}

bool NoProxyList::covers(std::string_view host, std::uint16_t port) const {
  std::string name = lower(host);
  while (name.ends_with('.')) name.pop_back();
  bool is_four = false;
  const Octets address = address_octets(name, is_four);
  for (const Entry& entry : entries_) {
    if (entry.port != 0 && entry.port != port) continue;
    if (!entry.network.empty()) {
      if (!address.empty() && same_network(address, entry.network, entry.prefix)) return true;
    } else if (entry.host.empty()) {
      return true;
    } else if (address.empty() && name.ends_with(entry.host) &&
               (name.size() == entry.host.size() ||
                name[name.size() - entry.host.size() - 1] == '.')) {
      return true;
    }
  }
  return false;
}

}  // namespace farebox
