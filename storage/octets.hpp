// Writing and reading of stored octets: integers as LEB128 varints, texts with their
// size in front, money as zigzag varints of 128 bits, fixed integers big-endian so that
// keys sort by number.
//
// A reader never passes the end: what is missing reads as zero or empty, and `good` says
// whether all of it was there.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "config/base/money.hpp"

namespace farebox {

// Writes to the end of a string.
class StringSink {
 public:
  explicit StringSink(std::string& out) : out_(out) {}
  void put(char octet) { out_ += octet; }
  void put(std::string_view octets) { out_.append(octets); }

 private:
  std::string& out_;
};

// Writes into memory of which the caller knows that it is enough.
class MemorySink {
 public:
  explicit MemorySink(char* begin) : at_(begin) {}
  void put(char octet) { *at_++ = octet; }
  void put(std::string_view octets) {
    std::memcpy(at_, octets.data(), octets.size());
    at_ += octets.size();
  }
  const char* end() const { return at_; }

 private:
  char* at_;
};

template <class Sink>
class BasicOctetWriter {
 public:
  template <class Target>
  explicit BasicOctetWriter(Target& target) : sink_(target) {}

  void octet(std::uint8_t value) { sink_.put(static_cast<char>(value)); }
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      octet(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    octet(static_cast<std::uint8_t>(value));
  }
  void text(std::string_view value) {
    varint(value.size());
    sink_.put(value);
  }
  void money(Money value) {
    const Int128 amount = value.picodollars();
    UInt128 zigzag = (static_cast<UInt128>(amount) << 1) ^ static_cast<UInt128>(amount >> 127);
    while (zigzag > ~std::uint64_t{0}) {
      octet(static_cast<std::uint8_t>(static_cast<std::uint8_t>(zigzag) | 0x80));
      zigzag >>= 7;
    }
    varint(static_cast<std::uint64_t>(zigzag));
  }
  void fixed32(std::uint32_t value) { fixed(value, 4); }
  void fixed64(std::uint64_t value) { fixed(value, 8); }
  void raw(std::string_view octets) { sink_.put(octets); }

  const Sink& sink() const { return sink_; }

 private:
  void fixed(std::uint64_t value, int octets) {
    for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) {
      octet(static_cast<std::uint8_t>(value >> shift));
    }
  }

  Sink sink_;
};

using OctetWriter = BasicOctetWriter<StringSink>;

// The most octets that one of them takes.
inline constexpr std::size_t kMostOfVarint = 10;
inline constexpr std::size_t kMostOfMoney = 19;

class OctetReader {
 public:
  explicit OctetReader(std::string_view octets) : rest_(octets) {}

  bool good() const { return good_; }
  std::string_view rest() const { return rest_; }

  std::uint8_t octet() {
    if (rest_.empty()) return fail();
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = octet();
      value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    return fail();
  }
  std::string_view text() { return raw(varint()); }
  Money money() {
    UInt128 zigzag = 0;
    for (int shift = 0; shift < 128; shift += 7) {
      const std::uint8_t next = octet();
      zigzag |= static_cast<UInt128>(next & 0x7f) << shift;
      if (next < 0x80) {
        return Money::picodollars(static_cast<Int128>((zigzag >> 1) ^ (~(zigzag & 1) + 1)));
      }
    }
    fail();
    return {};
  }
  std::uint32_t fixed32() { return static_cast<std::uint32_t>(fixed(4)); }
  std::uint64_t fixed64() { return fixed(8); }
  std::string_view raw(std::uint64_t size) {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view octets = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(octets.size());
    return octets;
  }

 private:
  std::uint8_t fail() {
    good_ = false;
    rest_ = {};
    return 0;
  }
  std::uint64_t fixed(int octets) {
    std::uint64_t value = 0;
    for (int i = 0; i < octets; ++i) value = value << 8 | octet();
    return value;
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace farebox
