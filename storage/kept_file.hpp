// KeptFile: an OctetStore in a small file of its own, mode 0600.
//
//   farebox-kept 1 CRC32\n OCTETS      the CRC-32 of OCTETS, eight hexadecimal digits
//
// Saved under another name first, synced, and then renamed, so that a reader finds the old
// octets or the new ones.
#pragma once

#include "storage/octet_store.hpp"

namespace farebox {

class KeptFile final : public OctetStore {
 public:
  static constexpr std::size_t kMostOctets = 1 << 20;

  // In a directory that exists and that no other process writes to.
  explicit KeptFile(std::string path) : path_(std::move(path)) {}

  Result<std::string> load() override;
  // More than kMostOctets is an error.
  Result<void> save(std::string_view octets) override;
  Result<std::string> set_aside() override;  // as PATH.damaged; an earlier one goes

 private:
  const std::string path_;
};

}  // namespace farebox
