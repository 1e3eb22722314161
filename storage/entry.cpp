#include "storage/entry.hpp"

#include <zlib.h>

#include <cstring>

#include "storage/octets.hpp"

namespace farebox {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kFront = 5;  // version and checksum

std::uint32_t checksum(std::string_view key, std::string_view behind) {
  const auto* const key_octets = reinterpret_cast<const Bytef*>(key.data());
  const auto* const octets = reinterpret_cast<const Bytef*>(behind.data());
  return static_cast<std::uint32_t>(
      crc32_z(crc32_z(0, key_octets, key.size()), octets, behind.size()));
}

void put_front(std::string& out) {
  out.clear();
  OctetWriter put(out);
  put.octet(kVersion);
  put.fixed32(0);
}

void fill_checksum(std::string& out, std::string_view key) {
  const std::uint32_t sum = checksum(key, std::string_view(out).substr(kFront));
  for (int i = 0; i < 4; ++i) out[1 + static_cast<std::size_t>(i)] = static_cast<char>(sum >> (24 - 8 * i));
}

}  // namespace

NumberKey::NumberKey(std::uint64_t number) {
  for (int i = 0; i < 8; ++i) octets[i] = static_cast<char>(number >> (56 - 8 * i));
}

std::uint64_t number_of(std::string_view key) {
  if (key.size() != 8) return 0;
  return OctetReader(key).fixed64();
}

void seal_record(std::string& out, std::uint64_t sequence, const ChainLink& link,
                 std::string_view payload) {
  put_front(out);
  out.append(link.data(), link.size());
  out.append(payload);
  fill_checksum(out, NumberKey(sequence).view());
}

void seal(std::string& out, std::string_view key, std::string_view payload) {
  put_front(out);
  out.append(payload);
  fill_checksum(out, key);
}

Seal open_sealed(std::string_view key, std::string_view octets, std::string_view& payload) {
  OctetReader in(octets);
  const std::uint8_t version = in.octet();
  const std::uint32_t said = in.fixed32();
  if (!in.good() || said != checksum(key, in.rest())) return Seal::broken;
  if (version > kVersion) return Seal::newer;
  if (version != kVersion) return Seal::broken;
  payload = in.rest();
  return Seal::good;
}

Seal open_record(std::string_view key, std::string_view octets, SealedRecord& record) {
  std::string_view payload;
  const Seal seal = open_sealed(key, octets, payload);
  if (seal != Seal::good) return seal;
  if (payload.size() < record.link.size()) return Seal::broken;
  std::memcpy(record.link.data(), payload.data(), record.link.size());
  record.payload = payload.substr(record.link.size());
  return Seal::good;
}

}  // namespace farebox
