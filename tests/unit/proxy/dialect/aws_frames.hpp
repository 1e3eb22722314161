// Makes AWS event-stream frames (smithy.io, "Amazon Event Stream Specification") for tests,
// without a line of the splitter's.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace farebox::testing {

inline std::string big_endian_u32(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

inline std::string checksum(std::string_view octets) {
  return big_endian_u32(static_cast<std::uint32_t>(crc32(
      0, reinterpret_cast<const Bytef*>(octets.data()), static_cast<uInt>(octets.size()))));
}

inline std::string prelude_of(std::uint32_t total, std::uint32_t headers) {
  const std::string lengths = big_endian_u32(total) + big_endian_u32(headers);
  return lengths + checksum(lengths);
}

inline std::string header_text(std::string_view name, std::string_view text) {
  std::string out(1, static_cast<char>(name.size()));
  out += name;
  out += '\7';
  out += static_cast<char>(text.size() >> 8);
  out += static_cast<char>(text.size());
  return out += text;
}

inline std::string frame_of(std::string_view headers, std::string_view payload) {
  std::string frame = prelude_of(static_cast<std::uint32_t>(16 + headers.size() + payload.size()),
                                 static_cast<std::uint32_t>(headers.size()));
  frame.append(headers).append(payload);
  return frame + checksum(frame);
}

inline std::string event_frame(std::string_view type, std::string_view payload) {
  return frame_of(header_text(":event-type", type) +
                      header_text(":content-type", "application/json") +
                      header_text(":message-type", "event"),
                  payload);
}

inline std::string base64_of(std::string_view octets) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < octets.size() ? static_cast<unsigned char>(octets[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool past = i + j > octets.size();
      out += past ? '=' : kAlphabet[bits >> (18 - 6 * j) & 63];
    }
  }
  return out;
}

// A model's own event as InvokeModelWithResponseStream wraps it.
inline std::string chunk_frame(std::string_view inner) {
  return event_frame("chunk", "{\"bytes\":\"" + base64_of(inner) + "\",\"p\":\"abc\"}");
}

}  // namespace farebox::testing
