// The payload of a record, from its first octet:
//
//   payload  := version:1 flags:1 outcome:1 hold:varint time:varint       (microseconds)
//               request_id provider endpoint model key_name org project user    : text
//               input output cached_input cache_write reasoning : varint
//               cost : varint128                                   (picodollars, zigzag)
//               rest
//   rest     := dialect requested_model : text   count { name value : text }      (tags)
//               status tool_calls : varint   usage_source:1
//               cache_write_1h tool_use_input audio_input image_input audio_output
//               image_output microseconds images characters queries : varint
//               service_tier inference_geo speed price_version cache finish_reason : text
//               ttfb_ms latency_ms : varint
//               count { type model : text  input output : varint  cost  priced:1
//                       cached cache_write cache_write_1h count : varint }        (extras;
//                       the last line since version 3)
//               count { provider model : text  status : varint  outcome:1  flags:1
//                       cost  latency_ms : varint }                              (attempts)
//               held : varint128                                        (since version 2)
//               more                                                    (since version 3)
//   more     := what few records have: record_more.hpp
//   text     := size:varint octets
//   count    := varint
//
// What sums and filters need stands first, so that they never look at the rest. A later
// version may append to `rest`; an older reader refuses versions it doesn't know.
#include "storage/record_codec.hpp"

#include "storage/octets.hpp"
#include "storage/record_more.hpp"

namespace farebox {
namespace {

constexpr std::uint8_t kVersion = 3;

enum Flag : std::uint8_t {
  kStream = 1,
  kPriced = 2,
  kEstimated = 4,
  kOverHold = 8,
  kMetered = 16,
  kHeldKnown = 32,  // since version 2
  kCorrection = 64,  // since version 3
  kAudit = 128,      // since version 3
};
enum AttemptFlag : std::uint8_t { kAttemptPriced = 1, kAttemptSent = 2 };

constexpr auto kLastOutcome = static_cast<std::uint8_t>(Outcome::crashed);

bool read_outcome(OctetReader& in, Outcome& outcome) {
  const std::uint8_t number = in.octet();
  if (number > kLastOutcome) return false;
  outcome = static_cast<Outcome>(number);
  return true;
}

bool read_facts(OctetReader& in, RecordFacts& facts, std::uint8_t& flags, std::uint8_t& version) {
  version = in.octet();
  if (version == 0 || version > kVersion) return false;
  flags = in.octet();
  if (!read_outcome(in, facts.outcome)) return false;
  facts.priced = (flags & kPriced) != 0;
  facts.metered = (flags & kMetered) != 0;
  facts.correction = (flags & kCorrection) != 0;
  facts.audit = (flags & kAudit) != 0;
  facts.hold.value = in.varint();
  facts.time = WallTime(std::chrono::microseconds(static_cast<std::int64_t>(in.varint())));
  for (std::string_view* const text :
       {&facts.request_id, &facts.provider, &facts.endpoint, &facts.model, &facts.key_name,
        &facts.org, &facts.project, &facts.user}) {
    *text = in.text();
  }
  for (Tokens* const count : {&facts.input, &facts.output, &facts.cached_input,
                              &facts.cache_write, &facts.reasoning}) {
    *count = in.varint();
  }
  facts.cost = in.money();
  return in.good();
}

template <class Writer>
void put_usage_rest(Writer& put, const Usage& usage) {
  put.octet(static_cast<std::uint8_t>(usage.source));
  for (const std::uint64_t count :
       {usage.cache_write_1h, usage.tool_use_input, usage.audio_input, usage.image_input,
        usage.audio_output, usage.image_output, usage.microseconds, usage.images,
        usage.characters, usage.queries}) {
    put.varint(count);
  }
  put.text(usage.service_tier);
  put.text(usage.inference_geo);
  put.text(usage.speed);
}

bool read_usage_rest(OctetReader& in, Usage& usage) {
  const std::uint8_t source = in.octet();
  if (source > static_cast<std::uint8_t>(UsageSource::estimated)) return false;
  usage.source = static_cast<UsageSource>(source);
  for (std::uint64_t* const count :
       {&usage.cache_write_1h, &usage.tool_use_input, &usage.audio_input, &usage.image_input,
        &usage.audio_output, &usage.image_output, &usage.microseconds, &usage.images,
        &usage.characters, &usage.queries}) {
    *count = in.varint();
  }
  usage.service_tier = in.text();
  usage.inference_geo = in.text();
  usage.speed = in.text();
  return in.good();
}

template <class Writer>
void put_attempt(Writer& put, const AttemptRecord& attempt) {
  put.text(attempt.provider);
  put.text(attempt.model);
  put.varint(attempt.status);
  put.octet(static_cast<std::uint8_t>(attempt.outcome));
  put.octet(static_cast<std::uint8_t>((attempt.priced ? kAttemptPriced : 0) |
                                      (attempt.sent ? kAttemptSent : 0)));
  put.money(attempt.cost);
  put.varint(attempt.latency_ms);
}

bool read_attempt(OctetReader& in, AttemptRecord& attempt) {
  attempt.provider = in.text();
  attempt.model = in.text();
  attempt.status = static_cast<std::uint16_t>(in.varint());
  if (!read_outcome(in, attempt.outcome)) return false;
  const std::uint8_t flags = in.octet();
  attempt.priced = (flags & kAttemptPriced) != 0;
  attempt.sent = (flags & kAttemptSent) != 0;
  attempt.cost = in.money();
  attempt.latency_ms = static_cast<std::uint32_t>(in.varint());
  return in.good();
}

template <class Writer>
void put_record(Writer& put, const Record& record, HoldId hold) {
  put.octet(kVersion);
  put.octet(static_cast<std::uint8_t>(
      (record.stream ? kStream : 0) | (record.priced ? kPriced : 0) |
      (record.estimated ? kEstimated : 0) | (record.over_hold ? kOverHold : 0) |
      (record.metered ? kMetered : 0) |
      (record.held_known ? kHeldKnown : 0) | (record.corrects != 0 ? kCorrection : 0) |
      (record.audit.empty() ? 0 : kAudit)));
  put.octet(static_cast<std::uint8_t>(record.outcome));
  put.varint(hold.value);
  put.varint(static_cast<std::uint64_t>(record.time.time_since_epoch().count()));
  for (const std::string* const text :
       {&record.request_id, &record.provider, &record.endpoint, &record.model, &record.key_name,
        &record.org, &record.project, &record.user}) {
    put.text(*text);
  }
  for (const Tokens count : {record.usage.input, record.usage.output, record.usage.cached_input,
                             record.usage.cache_write, record.usage.reasoning}) {
    put.varint(count);
  }
  put.money(record.cost);

  put.text(record.dialect);
  put.text(record.requested_model);
  put.varint(record.tags.size());
  for (const auto& [name, value] : record.tags) {
    put.text(name);
    put.text(value);
  }
  put.varint(record.status);
  put.varint(record.tool_calls);
  put_usage_rest(put, record.usage);
  put.text(record.price_version);
  put.text(record.cache);
  put.text(record.finish_reason);
  put.varint(record.ttfb_ms);
  put.varint(record.latency_ms);
  put.varint(record.extras.size());
  for (const ExtraRecord& extra : record.extras) {
    put.text(extra.type);
    put.text(extra.model);
    put.varint(extra.input);
    put.varint(extra.output);
    put.money(extra.cost);
    put.octet(extra.priced ? 1 : 0);
    for (const std::uint64_t count :
         {extra.cached_input, extra.cache_write, extra.cache_write_1h, extra.count}) {
      put.varint(count);
    }
  }
  put.varint(record.attempts.size());
  for (const AttemptRecord& attempt : record.attempts) put_attempt(put, attempt);
  put.money(record.held);
  put_more(put, record);
}

// At least as many octets as the record takes.
std::size_t most_octets(const Record& record) {
  constexpr std::size_t kText = kMostOfVarint;
  std::size_t most = 48 * kMostOfVarint + 4 * kMostOfMoney;
  for (const std::string* const text :
       {&record.request_id, &record.provider, &record.endpoint, &record.model, &record.key_name,
        &record.org, &record.project, &record.user, &record.dialect, &record.requested_model,
        &record.usage.service_tier, &record.usage.inference_geo, &record.usage.speed,
        &record.price_version, &record.cache, &record.finish_reason, &record.usage.variant,
        &record.usage.search_context, &record.audit, &record.variant}) {
    most += kText + text->size();
  }
  for (const auto& [name, value] : record.tags) most += 2 * kText + name.size() + value.size();
  for (const ExtraRecord& extra : record.extras) {
    most += 2 * kText + extra.type.size() + extra.model.size() + 6 * kMostOfVarint +
            kMostOfMoney + 1;
  }
  for (const AttemptRecord& attempt : record.attempts) {
    most += 2 * kText + attempt.provider.size() + attempt.model.size() + 2 * kMostOfVarint +
            kMostOfMoney + 2;
  }
  return most;
}

}  // namespace

// Twice for every request: octet by octet into a string would cost three times as much.
void encode_record(std::string& out, const Record& record, HoldId hold) {
  char memory[2048];
  if (most_octets(record) > sizeof memory) {
    OctetWriter put(out);
    put_record(put, record, hold);
    return;
  }
  BasicOctetWriter<MemorySink> put(memory);
  put_record(put, record, hold);
  out.append(memory, static_cast<std::size_t>(put.sink().end() - memory));
}

bool decode_facts(std::string_view payload, RecordFacts& facts) {
  OctetReader in(payload);
  std::uint8_t flags = 0, version = 0;
  return read_facts(in, facts, flags, version);
}

bool decode_record(std::string_view payload, Record& record) {
  OctetReader in(payload);
  RecordFacts facts;
  std::uint8_t flags = 0, version = 0;
  if (!read_facts(in, facts, flags, version)) return false;
  record.hold = facts.hold;
  record.time = facts.time;
  record.request_id = facts.request_id;
  record.provider = facts.provider;
  record.endpoint = facts.endpoint;
  record.model = facts.model;
  record.key_name = facts.key_name;
  record.org = facts.org;
  record.project = facts.project;
  record.user = facts.user;
  record.outcome = facts.outcome;
  record.stream = (flags & kStream) != 0;
  record.priced = facts.priced;
  record.estimated = (flags & kEstimated) != 0;
  record.over_hold = (flags & kOverHold) != 0;
  record.metered = facts.metered;
  record.usage.input = facts.input;
  record.usage.output = facts.output;
  record.usage.cached_input = facts.cached_input;
  record.usage.cache_write = facts.cache_write;
  record.usage.reasoning = facts.reasoning;
  record.cost = facts.cost;

  record.dialect = in.text();
  record.requested_model = in.text();
  record.tags.clear();
  // Every entry of a list takes octets, so a count beyond them ends with the octets.
  for (std::uint64_t left = in.varint(); left != 0 && in.good(); --left) {
    const std::string_view name = in.text();
    record.tags.insert_or_assign(std::string(name), std::string(in.text()));
  }
  record.status = static_cast<std::uint16_t>(in.varint());
  record.tool_calls = in.varint();
  if (!read_usage_rest(in, record.usage)) return false;
  record.price_version = in.text();
  record.cache = in.text();
  record.finish_reason = in.text();
  record.ttfb_ms = static_cast<std::uint32_t>(in.varint());
  record.latency_ms = static_cast<std::uint32_t>(in.varint());
  record.extras.clear();
  for (std::uint64_t left = in.varint(); left != 0 && in.good(); --left) {
    ExtraRecord& extra = record.extras.emplace_back();
    extra.type = in.text();
    extra.model = in.text();
    extra.input = in.varint();
    extra.output = in.varint();
    extra.cost = in.money();
    extra.priced = in.octet() != 0;
    if (version < 3) continue;
    for (std::uint64_t* const count :
         {&extra.cached_input, &extra.cache_write, &extra.cache_write_1h, &extra.count}) {
      *count = in.varint();
    }
  }
  record.attempts.clear();
  for (std::uint64_t left = in.varint(); left != 0 && in.good(); --left) {
    if (!read_attempt(in, record.attempts.emplace_back())) return false;
  }
  record.held_known = version >= 2 && (flags & kHeldKnown) != 0;
  record.held = version >= 2 ? in.money() : Money();
  clear_more(record);
  if (version >= 3 && !read_more(in, record)) return false;
  return in.good();
}

}  // namespace farebox
