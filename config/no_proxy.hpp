// NoProxyList: the hosts that are reached without a proxy, as NO_PROXY lists them.
//
// There is no standard; this is what curl, Go and Python agree on. Entries stand
// between commas or blanks: `*` is every host; `example.com` and `.example.com` are
// that host and all below it; an address is itself, `10.0.0.0/8` and `fd00::/8` all of
// its network; with `:PORT` behind it, an entry is for that port only. What can't be
// read matches nothing. Names are compared without case and never resolved.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farebox {

class NoProxyList {
 public:
  NoProxyList() = default;
  explicit NoProxyList(std::string_view list);

  // `host` is a name or an address without brackets.
  bool covers(std::string_view host, std::uint16_t port) const;
  bool empty() const { return entries_.empty(); }
  bool operator==(const NoProxyList&) const = default;

 private:
  struct Entry {
    bool operator==(const Entry&) const = default;
    std::string host;             // in lower case, without a dot in front; empty: any
    std::vector<unsigned char> network;  // 16 octets, or empty for a name
    unsigned prefix = 0;          // bits of `network` that count
    std::uint16_t port = 0;       // 0: any
  };
  std::vector<Entry> entries_;
};

}  // namespace farebox
