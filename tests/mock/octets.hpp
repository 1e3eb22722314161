// Small conversions of octets that several parts of the mock need: base64,
// SHA-256, gzip, and text that JSON can carry.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farebox::mock {

std::string base64(std::string_view octets);
// Nothing if the text is not base64.
std::optional<std::string> from_base64(std::string_view text);

std::string sha256_hex(std::string_view octets);

// Octets above 0x7f become two-octet UTF-8, so that any octets fit into JSON;
// a reader gets them back by encoding the text as Latin-1.
std::string latin1_to_utf8(std::string_view octets);

// "%41" becomes "A"; what is no escape stays.
std::string percent_decoded(std::string_view text);

std::string lower(std::string_view text);

// Compresses the pieces as one gzip member, flushed after each of them: what
// a streaming server with compression sends.
std::vector<std::string> gzip_pieces(const std::vector<std::string>& pieces);

// A gzip member that unpacks to this many MiB of zeros, a thousandth as long.
std::string gzip_bomb(std::size_t mebibytes);

}  // namespace farebox::mock
