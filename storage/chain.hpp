// The hash chain over the records: each link is a hash of the link before it, the
// record's number and its octets, so that nothing can be taken out, put in, changed or
// swapped without the head of the chain showing it.
//
//   link(n) = first 16 octets of SHA-256(link(n-1) | n as 8 octets | payload)
//   link(0) = sixteen zero octets
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

struct evp_md_ctx_st;
struct evp_md_st;

namespace farebox {

using ChainLink = std::array<char, 16>;

inline std::string_view octets_of(const ChainLink& link) { return {link.data(), link.size()}; }
std::string hex_of(const ChainLink& link);

// Keeps the hash function's state between links. Used by one thread.
class ChainHasher {
 public:
  ChainHasher();
  ~ChainHasher();
  ChainHasher(const ChainHasher&) = delete;
  ChainHasher& operator=(const ChainHasher&) = delete;

  ChainLink next(const ChainLink& before, std::uint64_t sequence, std::string_view payload);

 private:
  evp_md_st* algorithm_;
  evp_md_ctx_st* context_;
};

}  // namespace farebox
