// keep: what may be given again is kept, and whoever waited for it is told how it ended.
#include <algorithm>

#include "proxy/answer_key.hpp"
#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/whole_answer.hpp"
#include "proxy/http/unchunk.hpp"
#include "proxy/stages/lookup.hpp"

namespace farebox::stages {
namespace {

// What of a provider's head belongs to its answer, and not to the call it was given to.
bool is_of_answer(std::string_view name) {
  static constexpr std::string_view kKept[] = {"content-type",     "content-encoding",
                                               "content-language", "content-disposition",
                                               "openai-version",   "openai-model"};
  return std::any_of(std::begin(kKept), std::end(kKept), [&](std::string_view kept) {
    return http::equals_ignoring_case(kept, name);
  });
}

// What a refusal says of another try.
bool is_of_refusal(std::string_view name) {
  return http::equals_ignoring_case(name, "x-should-retry") ||
         (name.size() >= 11 && http::equals_ignoring_case(name.substr(0, 11), "retry-after")) ||
         (name.size() > 12 && http::equals_ignoring_case(name.substr(0, 12), "x-ratelimit-")) ||
         (name.size() > 20 && http::equals_ignoring_case(name.substr(0, 20), "anthropic-ratelimit-"));
}

void append_field(std::string& out, const http::Field& field) {
  out += field.name;
  out += ": ";
  out += field.value;
  out += "\r\n";
}

// Answers of these say how they ended; the others just end.
bool says_its_finish(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::chat_completions:
    case Endpoint::completions:
    case Endpoint::responses:
    case Endpoint::messages:
    case Endpoint::complete:
    case Endpoint::generate_content:
    case Endpoint::chat:
    case Endpoint::generate:
    case Endpoint::converse:
    case Endpoint::invoke: return true;
    default: return false;
  }
}

// Is it what such an endpoint answers? A page of some proxy isn't.
bool is_sound(Endpoint endpoint, std::string_view content) {
  switch (endpoint) {
    case Endpoint::speech:
    case Endpoint::transcriptions:
    case Endpoint::translations: return true;  // sound, or plain text
    default: break;
  }
  const JsonMembers members(content, {"data", "embeddings", "embedding", "results"});
  if (!members.whole()) return false;
  const auto has_some = [&](const char* name) {
    bool some = false;
    each_value(members[name], [&](std::string_view) { some = true; });
    return some || json_kind(members[name]) == JsonCursor::Kind::object;
  };
  switch (endpoint) {
    case Endpoint::embeddings:
    case Endpoint::embed:
    case Endpoint::embed_content:
      return has_some("data") || has_some("embeddings") || has_some("embedding");
    case Endpoint::moderations:
    case Endpoint::rerank: return has_some("results") || has_some("data");
    default: return true;
  }
}

// May it be given to those who ask later?
bool may_be_kept(const Call& call, const http::ResponseHead& head, const Relayed& relayed,
                 int status, const Record& record, const Lookup& lookup,
                 std::string_view content) {
  const Reading& reading = relayed.reading;
  if (status != 200 || !relayed.whole || reading.error) return false;
  // Nobody asked for it compressed, and what it says can't be looked at.
  const std::string_view coding = head.value("content-encoding");
  if (!coding.empty() && !http::equals_ignoring_case(coding, "identity")) return false;
  // A route, or a budget, sent it elsewhere than it was looked up for.
  if (call.provider->settings.name != lookup.provider || call.model != lookup.model) return false;
  if (record.outcome != Outcome::ok && record.outcome != Outcome::client_closed) return false;
  if (lookup.streams && !reading.finished) return false;
  if (says_its_finish(call.route.endpoint) && !is_complete_finish(reading.finish_reason)) return false;
  return !holds_incomplete_finish(content) && !holds_refusal(content) &&
         (reading.stream || is_sound(call.route.endpoint, content));
}

std::shared_ptr<Answer> make_answer(ClientConnection& client, const Call& call,
                                    const http::ResponseHead& head, const Relayed& relayed,
                                    const Record& record, const Lookup& lookup) {
  const std::string* const passed = lookup.flight->octets();
  const std::uint64_t most = client.services().settings.cache.max_entry;
  const auto answer = std::make_shared<Answer>();
  // Longer than anybody keeps: all but its body.
  if (passed != nullptr && passed->size() + relayed.tail.size() <= most) {
    answer->body.reserve(passed->size() + relayed.tail.size());
    answer->body = *passed;
    answer->body += relayed.tail;
  }
  answer->name = answer_name(call);
  answer->model = record.model;
  answer->tags = lookup.wish.tags;
  answer->depends_on = lookup.wish.depends_on;
  answer->stored = client.services().clock.wall_now();
  answer->expires = answer->stored + lookup.rule.ttl;
  answer->kept = answer->stored + lookup.rule.keep;
  answer->saved = record.cost;
  answer->priced = record.priced;
  answer->latency_ms = record.latency_ms;
  answer->finish_reason = relayed.reading.finish_reason;
  answer->stream = relayed.reading.stream;
  answer->chunked = relayed.head_in_chunks;
  answer->fields = kept_fields(head);
  if (head.status < 400) return answer;
  for (const http::Field& field : head.fields) {
    if (is_of_refusal(field.name)) append_field(answer->fields, field);
  }
  return answer;
}

// Where a stream says all that the whole answer would, those who ask for that get it too.
void keep_whole(const Call& call, const Answer& stream, std::string_view content,
                const Lookup& lookup) {
  auto whole = whole_answer(call.route.endpoint, content);
  if (!whole) return;
  const auto answer = std::make_shared<Answer>(stream);
  answer->stream = answer->chunked = false;
  answer->fields = "Content-Type: application/json\r\n";
  answer->body = std::move(*whole);
  answer->content_octets = answer->body.size();
  lookup.cache->store(lookup.whole_key, answer, lookup.epoch);
}

}  // namespace

std::string kept_fields(const http::ResponseHead& head) {
  std::string fields;
  for (const http::Field& field : head.fields) {
    if (is_of_answer(field.name)) append_field(fields, field);
  }
  return fields;
}

void keep(ClientConnection& client, const Call& call, const http::ResponseHead& head,
          const Relayed& relayed, const Error& error, int status, const Record& record,
          Lookup& lookup) {
  if (!lookup.flight) return;
  Flight& flight = *lookup.flight;
  if (relayed.kept) {
    // An old answer, for want of a new one: theirs as well.
    if (lookup.listed) flight.end_whole(relayed.kept);
    lookup.land();
    return;
  }
  std::shared_ptr<Answer> answer;
  if (relayed.whole) answer = make_answer(client, call, head, relayed, record, lookup);
  const bool has_body = answer && !answer->body.empty();
  if (has_body) {
    std::optional<std::string> unpacked;
    if (answer->chunked) unpacked = http::unchunk(answer->body);
    const bool readable = !answer->chunked || unpacked;
    const std::string_view content = unpacked ? *unpacked : answer->body;
    answer->content_octets = content.size();
    if (readable && may_be_kept(call, head, relayed, status, record, lookup, content)) {
      lookup.cache->store(lookup.key, answer, lookup.epoch);
      if (lookup.streams) keep_whole(call, *answer, content, lookup);
      lookup.desk->misses.add(std::chrono::milliseconds(record.latency_ms));
    }
  }
  if (lookup.listed) {
    lookup.desk->flights().close(lookup.key, flight);
    // Of a stream others have what passed; the end, or the error that ends it, is behind that.
    const bool runs = flight.is_running();
    if (runs && !relayed.tail.empty()) {
      const asio::const_buffer tail[] = {asio::buffer(relayed.tail)};
      flight.append(tail);
    }
    if (answer && status >= 400) {
      flight.end_refused(answer, static_cast<std::uint16_t>(status));
    } else if (answer && (has_body || runs)) {
      flight.end_whole(answer);
    } else if (runs || relayed.began) {
      flight.end_broken();
    } else if (error.fault == Fault::provider ||
               (error.code == ErrorCode::overloaded && error.fault != Fault::client)) {
      flight.end_failed(error);
    } else if (record.attempts.empty()) {
      flight.end_void();
    }
  }
  lookup.land();
}

}  // namespace farebox::stages
