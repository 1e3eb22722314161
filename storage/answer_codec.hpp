// What of the answer cache stands on the disk: answers, and the rows that find them by name, by
// tag and by what they depend on, so that an invalidation reads no bodies.
//
//   answer     := key: 'k' digest:32            value: sealed (entry.hpp) kept_answer
//   name row   := key: 'n' name 0x00 digest:32  value: kept:8 texts:tags texts:depends_on
//   tag row    := key: 't' tag 0x00 digest:32   value: kept:8 name
//   need row   := key: 'd' term 0x00 digest:32  value: kept:8 name
//
//   kept_answer := version:1 kept:8 flags:1 name:text model:text texts:tags texts:depends_on
//                  stored:varint expires:varint saved:varint128 latency_ms:varint
//                  finish_reason:text fields:text content_octets:varint body_octets:varint body
//   texts       := count:varint text*
//   flags       := 1 stream  2 chunked  4 priced  8 the body is a Zstandard frame
//
// Times are microseconds since 1970. The sum of the envelope is over the whole, so what is damaged
// is seen before anything of it is used.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/answer.hpp"

namespace farebox {

// The first octet of a key.
enum class AnswerRow : char { answer = 'k', name = 'n', tag = 't', need = 'd' };

std::string answer_row_key(const AnswerKey& key);
std::string index_row_key(AnswerRow row, std::string_view text, const AnswerKey& key);

// Of an index row; nothing: it isn't one.
struct IndexRowKey {
  std::string_view text;
  AnswerKey key{};
};
std::optional<IndexRowKey> parse_index_row_key(std::string_view row_key);

// The value of a name row.
struct NameRow {
  WallTime kept;
  std::vector<std::string> tags, depends_on;
};
std::string encode_name_row(const NameRow& row);
std::optional<NameRow> decode_name_row(std::string_view octets);

// The value of a tag row or a need row.
std::string encode_finding_row(WallTime kept, std::string_view name);
std::optional<std::string_view> decode_finding_row(std::string_view octets);  // the name

// The value of an answer row. A body of more than `compress_over` octets is compressed if that
// makes it smaller.
std::string encode_answer(const AnswerKey& key, const Answer& answer, std::uint64_t compress_over);

// Nothing: it isn't what encode_answer makes of that key; any octets may be asked about.
enum class AnswerPart : std::uint8_t { whole, without_body };
std::optional<Answer> decode_answer(const AnswerKey& key, std::string_view octets, AnswerPart part);

// Of any row, without a look at the rest; nothing: it is too short.
std::optional<WallTime> kept_of_row(std::string_view row_key, std::string_view value);

// Bodies above this aren't kept on the disk.
inline constexpr std::uint64_t kMostAnswerBody = 64ull << 20;

}  // namespace farebox
