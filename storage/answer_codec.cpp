#include "storage/answer_codec.hpp"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "storage/entry.hpp"
#include "storage/octets.hpp"

namespace farebox {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr int kLevel = 3;
// Of the envelope: version and checksum; and before `kept`: the answer's version.
constexpr std::size_t kBeforeKept = 5 + 1;

enum Flag : std::uint8_t { kStream = 1, kChunked = 2, kPriced = 4, kCompressed = 8 };
constexpr std::uint8_t kEveryFlag = 15;

std::uint64_t number_of(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}
WallTime time_of(std::uint64_t number) {
  return WallTime(std::chrono::microseconds(static_cast<std::int64_t>(number)));
}

void put_texts(OctetWriter& put, const std::vector<std::string>& texts) {
  put.varint(texts.size());
  for (const std::string& text : texts) put.text(text);
}

// Each text takes an octet at least, so a false count ends soon.
bool read_texts(OctetReader& in, std::vector<std::string>& texts) {
  const std::uint64_t count = in.varint();
  if (count > in.rest().size()) return false;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) texts.emplace_back(in.text());
  return in.good();
}

// One of each thread's, since making one takes longer than its use.
struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Empty: it wouldn't be smaller.
std::string compressed(std::string_view body) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  std::string frame;
  if (!context) return frame;
  frame.resize(ZSTD_compressBound(body.size()));
  const std::size_t size = ZSTD_compressCCtx(context.get(), frame.data(), frame.size(), body.data(),
                                             body.size(), kLevel);
  frame.resize(ZSTD_isError(size) != 0 || size >= body.size() ? 0 : size);
  return frame;
}

bool decompress(std::string_view frame, std::uint64_t size, std::string& body) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (!context || size > kMostAnswerBody) return false;
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != size) return false;
  body.resize(static_cast<std::size_t>(size));
  return ZSTD_decompressDCtx(context.get(), body.data(), body.size(), frame.data(), frame.size()) ==
         size;
}

std::string_view digest_octets(const AnswerKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

}  // namespace

std::string answer_row_key(const AnswerKey& key) {
  std::string row_key(1, static_cast<char>(AnswerRow::answer));
  return row_key.append(digest_octets(key));
}

std::string index_row_key(AnswerRow row, std::string_view text, const AnswerKey& key) {
  std::string row_key(1, static_cast<char>(row));
  row_key.append(text).push_back('\0');
  return row_key.append(digest_octets(key));
}

std::optional<IndexRowKey> parse_index_row_key(std::string_view row_key) {
  IndexRowKey parsed;
  const std::size_t around = 2 + parsed.key.size();
  if (row_key.size() < around) return std::nullopt;
  const std::size_t end = row_key.size() - parsed.key.size();
  if (row_key[end - 1] != '\0') return std::nullopt;
  parsed.text = row_key.substr(1, end - 2);
  std::memcpy(parsed.key.data(), row_key.data() + end, parsed.key.size());
  return parsed;
}

std::string encode_name_row(const NameRow& row) {
  std::string out;
  OctetWriter put(out);
  put.fixed64(number_of(row.kept));
  put_texts(put, row.tags);
  put_texts(put, row.depends_on);
  return out;
}

std::optional<NameRow> decode_name_row(std::string_view octets) {
  OctetReader in(octets);
  NameRow row;
  row.kept = time_of(in.fixed64());
  if (!read_texts(in, row.tags) || !read_texts(in, row.depends_on) || !in.rest().empty()) {
    return std::nullopt;
  }
  return row;
}

std::string encode_finding_row(WallTime kept, std::string_view name) {
  std::string out;
  OctetWriter put(out);
  put.fixed64(number_of(kept));
  put.raw(name);
  return out;
}

std::optional<std::string_view> decode_finding_row(std::string_view octets) {
  OctetReader in(octets);
  in.fixed64();
  if (!in.good()) return std::nullopt;
  return in.rest();
}

std::string encode_answer(const AnswerKey& key, const Answer& answer, std::uint64_t compress_over) {
  std::string frame;
  if (answer.body.size() > compress_over) frame = compressed(answer.body);
  std::string payload;
  payload.reserve(256 + answer.fields.size() + (frame.empty() ? answer.body.size() : frame.size()));
  OctetWriter put(payload);
  put.octet(kVersion);
  put.fixed64(number_of(answer.kept));
  put.octet(static_cast<std::uint8_t>((answer.stream ? kStream : 0) | (answer.chunked ? kChunked : 0) |
                                      (answer.priced ? kPriced : 0) | (frame.empty() ? 0 : kCompressed)));
  put.text(answer.name);
  put.text(answer.model);
  put_texts(put, answer.tags);
  put_texts(put, answer.depends_on);
  put.varint(number_of(answer.stored));
  put.varint(number_of(answer.expires));
  put.money(answer.saved);
  put.varint(answer.latency_ms);
  put.text(answer.finish_reason);
  put.text(answer.fields);
  put.varint(answer.content_octets);
  put.varint(answer.body.size());
  put.raw(frame.empty() ? std::string_view(answer.body) : std::string_view(frame));
  std::string sealed;
  sealed.reserve(payload.size() + kBeforeKept);
  seal(sealed, answer_row_key(key), payload);
  return sealed;
}

std::optional<Answer> decode_answer(const AnswerKey& key, std::string_view octets, AnswerPart part) {
  std::string_view payload;
  if (open_sealed(answer_row_key(key), octets, payload) != Seal::good) return std::nullopt;
  OctetReader in(payload);
  if (in.octet() != kVersion) return std::nullopt;
  std::optional<Answer> read(std::in_place);
  Answer& answer = *read;
  answer.kept = time_of(in.fixed64());
  const std::uint8_t flags = in.octet();
  if ((flags & ~kEveryFlag) != 0) return std::nullopt;
  answer.stream = (flags & kStream) != 0;
  answer.chunked = (flags & kChunked) != 0;
  answer.priced = (flags & kPriced) != 0;
  answer.name = in.text();
  answer.model = in.text();
  if (!read_texts(in, answer.tags) || !read_texts(in, answer.depends_on)) return std::nullopt;
  answer.stored = time_of(in.varint());
  answer.expires = time_of(in.varint());
  answer.saved = in.money();
  answer.latency_ms = static_cast<std::uint32_t>(in.varint());
  answer.finish_reason = in.text();
  answer.fields = in.text();
  answer.content_octets = in.varint();
  const std::uint64_t body_octets = in.varint();
  if (!in.good()) return std::nullopt;
  if (part == AnswerPart::without_body) return read;
  if ((flags & kCompressed) != 0) {
    if (!decompress(in.rest(), body_octets, answer.body)) return std::nullopt;
  } else {
    if (in.rest().size() != body_octets) return std::nullopt;
    answer.body = in.rest();
  }
  return read;
}

std::optional<WallTime> kept_of_row(std::string_view row_key, std::string_view value) {
  const bool is_answer = !row_key.empty() && row_key[0] == static_cast<char>(AnswerRow::answer);
  OctetReader in(is_answer ? value.substr(std::min(kBeforeKept, value.size())) : value);
  const std::uint64_t kept = in.fixed64();
  if (!in.good()) return std::nullopt;
  return time_of(kept);
}

}  // namespace farebox
