#include "proxy/dialect/described_reader.hpp"

#include <algorithm>
#include <array>

#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/openai_usage.hpp"

namespace farebox {
namespace {

using Says = DescribedDialect::Says;
using Kind = JsonCursor::Kind;

constexpr Tokens kLargestCount = 1ull << 53;
constexpr std::size_t kCounts =
    static_cast<std::size_t>(Says::pages) - static_cast<std::size_t>(Says::input_tokens) + 1;
static_assert(DescribedDialect::is_count(Says::input_tokens) &&
              DescribedDialect::is_count(Says::pages) &&
              !DescribedDialect::is_count(Says::seconds));

// A number that a reply tells, once or in several messages.
struct Told {
  std::optional<Tokens> value;
  bool unusable = false;  // said, but no count: negative, fractional, too large

  bool said() const { return value || unusable; }

  void add(const Told& next, DescribedDialect::Across across) {
    if (!next.said()) return;
    switch (across) {
      case DescribedDialect::Across::last: *this = next; return;
      case DescribedDialect::Across::max:
        unusable = unusable || next.unusable;
        if (next.value) value = std::max(value.value_or(0), *next.value);
        return;
      case DescribedDialect::Across::sum:
        unusable = unusable || next.unusable;
        if (next.value) value = value.value_or(0) + *next.value;
        if (value && *value > kLargestCount) unusable = true, value = kLargestCount;
        return;
    }
  }
  std::optional<Tokens> usable() const { return unusable ? std::nullopt : value; }
};

// A value that stands for "no": null, false, "", and an object or array without members.
bool is_nothing(JsonCursor cursor) {
  bool members = false;
  switch (cursor.kind()) {
    case Kind::nothing:
    case Kind::null: return true;
    case Kind::boolean: return !cursor.boolean().value_or(true);
    case Kind::string: {
      const auto text = cursor.string();
      return !text || text->raw.empty();
    }
    case Kind::object: cursor.each_member([&](std::string_view) { members = true; }); break;
    case Kind::array: cursor.each_element([&] { members = true; }); break;
    case Kind::number: return false;
  }
  return !members;
}

// A word, or a number as it was written.
std::string word_of(JsonCursor& cursor) {
  if (cursor.kind() == Kind::number) return std::string(cursor.number().value_or(""));
  if (cursor.kind() == Kind::boolean) return cursor.boolean().value_or(false) ? "true" : "false";
  const auto text = cursor.string();
  return text ? text->decoded() : std::string();
}

bool has_no_output(Endpoint endpoint) {
  return endpoint == Endpoint::embeddings || endpoint == Endpoint::embed ||
         endpoint == Endpoint::rerank || endpoint == Endpoint::classify;
}

class DescribedReader final : public FramedReader {
 public:
  DescribedReader(const DescribedReply& reply, Endpoint endpoint)
      : FramedReader(reply.description.framing == DescribedDialect::Framing::sse
                         ? Framing::sse
                         : Framing::other),
        reply_(reply),
        endpoint_(endpoint) {}

 private:
  // What one message said; it counts when the message was valid to its end.
  struct Message {
    std::array<Told, kCounts> counts;
    Told microseconds;
    std::optional<Money> cost;
    std::string model, finish_reason, service_tier, error_code;
    std::uint64_t text_octets = 0;
    bool error = false;
    bool end = false;
  };

  bool on_message(std::string_view event, std::string_view json) override;
  void conclude() override;

  void read_value(Says what, JsonCursor& cursor, Message& message) const;
  void take(Message& message);
  std::optional<Tokens> count(Says what) const { return told(what).usable(); }
  const Told& told(Says what) const {
    return counts_[static_cast<std::size_t>(what) - static_cast<std::size_t>(Says::input_tokens)];
  }
  bool put_tokens(Usage& usage) const;

  const DescribedReply& reply_;
  Endpoint endpoint_;
  std::array<Told, kCounts> counts_;
  Told microseconds_;
  bool ended_by_word_ = false;
};

bool DescribedReader::on_message(std::string_view, std::string_view json) {
  const DescribedDialect& said = reply_.description;
  if (!said.end_data.empty() && json == said.end_data) {
    ended_by_word_ = true;
    return true;
  }
  Message message;
  JsonCursor cursor(json);
  reply_.members.walk(cursor, [&](std::uint8_t tag, JsonCursor& value) {
    read_value(static_cast<Says>(tag), value, message);
  });
  if (!cursor.at_end()) return false;
  if (!reply_.names_text) message.text_octets = json.size();
  take(message);
  return true;
}

void DescribedReader::read_value(Says what, JsonCursor& cursor, Message& message) const {
  if (cursor.kind() == Kind::null) return;
  if (DescribedDialect::is_count(what)) {
    Told& told = message.counts[static_cast<std::size_t>(what) -
                                static_cast<std::size_t>(Says::input_tokens)];
    told = {};
    // Images may be listed instead of counted.
    if (what == Says::images && cursor.kind() == Kind::array) {
      Tokens images = 0;
      cursor.each_element([&] { ++images; });
      told.value = images;
      return;
    }
    told.value = cursor.count();
    told.unusable = !told.value;
    return;
  }
  switch (what) {
    case Says::model: message.model = word_of(cursor); break;
    case Says::finish_reason: message.finish_reason = word_of(cursor); break;
    case Says::service_tier: message.service_tier = word_of(cursor); break;
    case Says::error_code: message.error_code = word_of(cursor); break;
    case Says::error: message.error = !is_nothing(cursor); break;
    case Says::stream_end: message.end = word_of(cursor) == reply_.description.end_equals; break;
    case Says::text:
      if (const auto text = cursor.string()) message.text_octets = text->decoded_size();
      break;
    case Says::seconds: {
      const auto seconds = cursor.number();
      message.microseconds.value = seconds ? microseconds_of(*seconds) : std::nullopt;
      message.microseconds.unusable = !message.microseconds.value;
      break;
    }
    case Says::cost_usd: {
      const bool quoted = cursor.kind() == Kind::string;
      const std::string written =
          quoted ? word_of(cursor) : std::string(cursor.number().value_or(""));
      const auto money = Money::parse(written);
      if (money && *money >= Money() && *money <= Money::dollars(1'000'000'000)) {
        message.cost = *money;
      }
      break;
    }
    default: break;
  }
}

void DescribedReader::take(Message& message) {
  const DescribedDialect::Across across = reply_.description.across;
  for (std::size_t i = 0; i < kCounts; ++i) counts_[i].add(message.counts[i], across);
  microseconds_.add(message.microseconds, across);
  if (message.cost) {
    const bool sums = across == DescribedDialect::Across::sum && reading_.usage.reported_cost;
    reading_.usage.reported_cost =
        sums ? *reading_.usage.reported_cost + *message.cost : *message.cost;
  }
  const auto take_word = [](std::string& from, std::string& to) {
    if (!from.empty()) to = std::move(from);
  };
  if (reading_.model.empty()) take_word(message.model, reading_.model);
  take_word(message.finish_reason, reading_.finish_reason);
  take_word(message.service_tier, reading_.usage.service_tier);
  if (message.error) {
    reading_.error = true;
    take_word(message.error_code, reading_.error_code);
  }
  reading_.output_bytes += message.text_octets;
  ended_by_word_ = ended_by_word_ || message.end;
}

// False: one side is unknown.
bool DescribedReader::put_tokens(Usage& usage) const {
  const DescribedDialect& said = reply_.description;
  // A part that stands outside of its whole is as needed as the whole.
  bool known = true;
  const auto outside = [&](Says what, bool inside) {
    if (inside) return Tokens{0};
    if (told(what).unusable) known = false;
    return count(what).value_or(0);
  };
  const Tokens more_input = outside(Says::cached_input_tokens, said.cached_in_input) +
                            outside(Says::cache_write_tokens, said.cache_write_in_input);
  const Tokens more_output = outside(Says::reasoning_tokens, said.reasoning_in_output);
  std::optional<Tokens> in = count(Says::input_tokens);
  std::optional<Tokens> out = count(Says::output_tokens);
  if (in) *in += more_input;
  if (out) *out += more_output;
  // What one side doesn't say follows from the total; what was said and is no count doesn't.
  const std::optional<Tokens> total = count(Says::total_tokens);
  const bool may_derive = !told(Says::input_tokens).unusable && !told(Says::output_tokens).unusable;
  if (has_no_output(endpoint_)) {
    if (!in && may_derive) in = total;
    if (!out && !told(Says::output_tokens).unusable) out = 0;
  }
  if (may_derive && in && !out && total && *total >= *in) out = *total - *in;
  if (may_derive && out && !in && total && *total >= *out) in = *total - *out;
  if (!known || !in || !out) return false;
  usage.input = *in;
  usage.output = *out;
  usage.cached_input = count(Says::cached_input_tokens).value_or(0);
  usage.cache_write = count(Says::cache_write_tokens).value_or(0);
  usage.cache_write_1h = count(Says::cache_write_1h_tokens).value_or(0);
  usage.reasoning = count(Says::reasoning_tokens).value_or(0);
  usage.audio_input = count(Says::audio_input_tokens).value_or(0);
  usage.audio_output = count(Says::audio_output_tokens).value_or(0);
  usage.image_input = count(Says::image_input_tokens).value_or(0);
  usage.image_output = count(Says::image_output_tokens).value_or(0);
  return true;
}

void DescribedReader::conclude() {
  if (reading_.error && reading_.error_code.empty()) reading_.error_code = "error";
  if (reading_.stream) {
    if (!reply_.description.end_data.empty() || reply_.names_end) {
      const bool by_done = reply_.description.end_data == "[DONE]" && reading_.finished;
      reading_.finished = ended_by_word_ || by_done;
    } else {
      reading_.finished = reading_.finished || !reading_.finish_reason.empty();
    }
  }
  Usage& usage = reading_.usage;
  const bool tokens_told = told(Says::input_tokens).said() || told(Says::output_tokens).said() ||
                           told(Says::total_tokens).said();
  const bool tokens = put_tokens(usage);
  usage.images = count(Says::images).value_or(0);
  usage.characters = count(Says::characters).value_or(0);
  usage.queries = count(Says::queries).value_or(0);
  usage.pages = count(Says::pages).value_or(0);
  usage.microseconds = microseconds_.usable().value_or(0);
  const bool units = usage.images + usage.characters + usage.queries + usage.pages +
                         usage.microseconds > 0;
  // Units beside tokens that are unknown are no whole answer: unknown is never zero.
  if (tokens || (units && !tokens_told)) usage.source = UsageSource::reported;
}

}  // namespace

DescribedReply::DescribedReply(const DescribedDialect& said) : description(said) {
  for (const DescribedDialect::Member& member : said.reply) {
    members.add(member.at, static_cast<std::uint8_t>(member.what));
    names_text = names_text || member.what == Says::text;
    names_end = names_end || member.what == Says::stream_end;
  }
}

std::unique_ptr<UsageReader> described_reader(const DescribedReply& reply, Endpoint endpoint) {
  return std::make_unique<DescribedReader>(reply, endpoint);
}

}  // namespace farebox
