// The envelope around what is stored, so that damage is seen wherever it is read.
//
//   record  := version:1 checksum:4 link:16 payload      key: sequence, 8 octets
//   hold    := version:1 checksum:4 payload              key: hold id, 8 octets
//   row     := version:1 checksum:4 fields               key: its name
//
// The checksum is CRC-32 over the key and everything behind the checksum. Numbers are
// big-endian, so keys sort as numbers do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/chain.hpp"

namespace farebox {

struct NumberKey {
  explicit NumberKey(std::uint64_t number);
  std::string_view view() const { return {octets, sizeof octets}; }
  char octets[8];
};
// Precondition: 8 octets; anything else gives 0, which is no number of ours.
std::uint64_t number_of(std::string_view key);

// Both replace what is in `out`, keeping its memory.
void seal_record(std::string& out, std::uint64_t sequence, const ChainLink& link,
                 std::string_view payload);
void seal(std::string& out, std::string_view key, std::string_view payload);

// What is wrong with octets that should be an entry.
enum class Seal : std::uint8_t { good, newer, broken };

struct SealedRecord {
  ChainLink link{};
  std::string_view payload;
};
Seal open_record(std::string_view key, std::string_view octets, SealedRecord& record);
Seal open_sealed(std::string_view key, std::string_view octets, std::string_view& payload);

}  // namespace farebox
