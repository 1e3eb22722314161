// Record: one request as the ledger remembers it (design, section 7).
//
// Everything a bill or a question about spend needs, and nothing of what was said:
// no prompt, no answer, no key.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/money.hpp"
#include "policy/usage.hpp"
#include "storage/hold.hpp"

namespace farebox {

enum class Outcome : std::uint8_t {
  ok,
  provider_error,  // the provider's own 4xx or 5xx
  client_closed,
  upstream_error,  // unreachable, reset, or an answer cut short
  timeout,
  budget_cut,
  drained,         // cut because farebox had to stop
  refused,
  crashed,
};
std::string_view name_of(Outcome outcome);

// One try at a provider.
struct AttemptRecord {
  std::string provider;
  std::string model;
  std::uint16_t status = 0;  // 0: no answer came
  Outcome outcome = Outcome::ok;
  Money cost;
  bool priced = false;
  std::uint32_t latency_ms = 0;
  bool sent = false;  // octets of the request went out; not shown
  bool over = false;  // another try followed, or was to: what it cost is known; not kept
};

struct ExtraRecord {
  std::string type;
  std::string model;
  Tokens input = 0;
  Tokens output = 0;
  Money cost;
  bool priced = false;
  std::uint64_t count = 0;  // requests, for tool fees
  // Not shown: for pricing it again.
  Tokens cached_input = 0;
  Tokens cache_write = 0;
  Tokens cache_write_1h = 0;
};

struct Record {
  static constexpr std::uint32_t kNoFactor = 1'000'000;

  std::uint64_t sequence = 0;  // given by the ledger, from 1; `id` in JSON
  HoldId hold;                 // the hold it ended; not shown
  WallTime time;               // when the request arrived
  std::string request_id;
  std::string provider;
  std::string dialect;
  std::string endpoint;
  std::string model;            // the one that answered; else the one asked for
  std::string requested_model;
  bool model_known = false;     // it answered or has a price; not shown
  std::string family, snapshot; // what scopes call the model, while it runs; not kept

  std::string key_name, org, project, user;
  std::map<std::string, std::string> tags;

  bool stream = false;
  std::uint16_t status = 0;  // what the client got; 0: nothing
  Outcome outcome = Outcome::ok;

  Usage usage;
  std::uint64_t tool_calls = 0;
  std::vector<ExtraRecord> extras;

  Money cost;
  bool priced = false;     // cost is the whole cost; else it is unknown
  bool estimated = false;
  Estimates estimated_by;  // which parts, by which rule
  bool over_hold = false;  // it cost more than was held
  Money held;              // what its hold set aside; not shown
  bool held_known = false; // there was a hold, and it had a price; not shown
  bool metered = false;    // a dialect knew the endpoint
  std::string price_version;
  // Where `cost` is what the provider says it charged: what the price table asks for the same.
  std::optional<Money> table_cost;
  // The operator's discount or margin that `cost` includes, in millionths.
  std::uint32_t price_factor = kNoFactor;
  // The record whose price this one corrects: `cost` is what that one was charged too
  // little (or, below zero, too much), and nothing else was used. 0: it is no correction.
  std::uint64_t corrects = 0;
  WallTime corrected_at;  // when it was written; `time` is that of the corrected request
  // It is no request but a change that somebody made: JSON (proxy/audit_log.hpp says what),
  // beside the sequence of the change before it; 0: there was none. Empty: it is a request.
  std::string audit;
  std::uint64_t audit_before = 0;
  std::string cache;       // hit, miss, bypass or coalesced; empty: no cache was asked
  // What the provider would have charged for an answer that was given without it; nothing: it
  // wasn't, or nobody knows.
  std::optional<Money> saved;
  std::string variant;     // what the route calls the target it was sent to, in an A/B split
  std::string finish_reason;

  std::vector<AttemptRecord> attempts;
  std::uint32_t ttfb_ms = 0;
  std::uint32_t latency_ms = 0;
};

// Appends the record as one JSON object with the keys of design section 7.
void append_json(std::string& out, const Record& record);

}  // namespace farebox
