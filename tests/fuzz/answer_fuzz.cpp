// What stands in the answer cache's database, read from any octets: the first one says as what.
// Whatever can be read must come back the same when it is written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "storage/answer_codec.hpp"
#include "storage/answer_match.hpp"
#include "storage/entry.hpp"

namespace {

using namespace farebox;

void must(bool holds) {
  if (!holds) std::abort();
}

void read_answer(std::string_view octets) {
  const AnswerKey key{};
  const auto read = decode_answer(key, octets, AnswerPart::whole);
  if (!read) return;
  must(decode_answer(key, octets, AnswerPart::without_body).has_value());
  must(kept_of_row(answer_row_key(key), octets) == read->kept);
  const std::string first = encode_answer(key, *read, 64);
  const auto again = decode_answer(key, first, AnswerPart::whole);
  must(again && again->body == read->body && again->tags == read->tags && again->saved == read->saved);
  must(encode_answer(key, *again, 64) == first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0: read_answer(octets); break;
    case 1: {  // with a sum that is right, so that what is behind it is looked at
      std::string sealed;
      seal(sealed, answer_row_key(AnswerKey{}), octets);
      read_answer(sealed);
      break;
    }
    case 2:
      if (const auto row = decode_name_row(octets)) {
        const auto again = decode_name_row(encode_name_row(*row));
        must(again && again->kept == row->kept && again->tags == row->tags && again->depends_on == row->depends_on);
      }
      break;
    case 3:
      if (const auto parsed = parse_index_row_key(octets)) {
        must(index_row_key(static_cast<AnswerRow>(octets[0]), parsed->text, parsed->key) == octets);
      }
      decode_finding_row(octets);
      break;
    default:
      if (const auto key = key_of_text(octets)) must(key_text(*key) == octets);
      kept_of_row(octets, octets);
  }
  return 0;
}
