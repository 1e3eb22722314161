// The stages of a request, in order, each with its one-sentence promise.
//
// A stage takes exactly what it needs and returns the proof that the next one asks
// for: sending needs a Hold, holding needs a Permit. The parent (exchange.cpp) keeps
// the ifs and the state.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/pricing.hpp"
#include "proxy/admission.hpp"
#include "proxy/client_connection.hpp"
#include "proxy/dialect/dialect.hpp"
#include "proxy/http/body_reader.hpp"
#include "proxy/key_desk.hpp"
#include "proxy/services.hpp"
#include "proxy/upstream_pool.hpp"
#include "storage/record.hpp"

namespace farebox {

// What the client asks for, as far as policy must know it.
struct Call {
  Provider* provider = nullptr;  // null: the path is outside every provider
  DialectName dialect = DialectName::openai;  // whose errors the client understands
  Route route;
  BodyFacts facts;
  std::string target;          // what is asked of the provider
  std::string model;           // asked for; empty: not said
  std::string request_id;
  SteadyTime started;
  WallTime started_wall;
  SteadyTime deadline;         // of the whole exchange

  // The body: held whole when policy reads it, else it streams from the client.
  bool buffered = false;
  std::string body;
  BufferedOctets reservation;
  http::BodyReader body_reader;  // what is left to read from the client
  bool continue_owed = false;    // the client waits for 100 Continue

  std::string_view virtual_key;  // in the head; what holds it doesn't reach the provider
};

// Who asks, for attribution and policy.
struct Caller {
  std::string key_name, org, project, user;
  std::map<std::string, std::string> tags;
  std::string_view refused = {};  // why a 401, for the log and a metric: a word of few
};

// The right to run now; limits give it, and take back what it holds when it dies.
struct Permit {};

// Money set aside for this call: in the ledger before any octet leaves.
struct Hold {
  HoldId id;            // 0: the store is down and the operator lets calls pass
  Money each;           // the worst case of one try
  bool priced = false;  // `each` is known
};

// Where the call goes.
struct Target {
  Provider* provider = nullptr;
};

// A connection lent for one try, and the answer's head once it came. Dropped when it
// dies; given back only by `finish_with_connection`.
class Attempt {
 public:
  Attempt() = default;
  Attempt(UpstreamPool& pool, std::unique_ptr<UpstreamConnection> connection)
      : pool_(&pool), connection_(std::move(connection)) {}
  Attempt(Attempt&&) noexcept = default;
  Attempt& operator=(Attempt&& other) noexcept {
    drop();
    pool_ = other.pool_;
    connection_ = std::move(other.connection_);
    head = std::move(other.head);
    head_text = std::move(other.head_text);
    sent_at = other.sent_at;
    request_complete = other.request_complete;
    spliced = other.spliced;
    return *this;
  }
  ~Attempt() { drop(); }

  Channel& channel() { return *connection_->channel; }
  bool fresh() const { return connection_->requests == 0; }
  void give_back() {
    if (connection_) pool_->give_back(std::move(connection_));
  }
  void drop() {
    if (connection_) pool_->drop(std::move(connection_));
  }

  http::ResponseHead head;
  std::string head_text;  // what `head` points into
  SteadyTime sent_at{};   // the last octet of the request went out
  bool request_complete = false;
  bool spliced = false;   // stream_options.include_usage is ours

 private:
  UpstreamPool* pool_ = nullptr;
  std::unique_ptr<UpstreamConnection> connection_;
};

// What became of the answer.
struct Relayed {
  Outcome outcome = Outcome::ok;
  Error error;               // why, when it isn't ok
  Reading reading;
  bool began = false;        // the client has octets of this answer
  bool whole = false;        // the provider's answer was complete
  bool reusable = false;     // the connection may be given back
  bool keep_alive = false;   // the client's connection may go on
  SteadyTime first_octet{};
  SteadyTime last_octet{};

  // Kept back until the record is written, so that a client that has all of its answer
  // finds it in the ledger: the last octets of a whole answer, or the error event that
  // ends a cut one; and the head without its last CRLF, while nothing began.
  std::string head;
  std::string tail;
};

// A client that leaves stops the meter, except a whole call to a metered endpoint: its
// answer is being made and will be billed, so it is read to its end and settled exactly.
bool must_stop(const ClientConnection& client, const Call& call);

namespace stages {

// read head: one strict, complete head; false when the client went without asking.
// Errors: bad_request, request_timeout, headers_too_large, uri_too_long.
awaitable<Result<bool>> read_head(ClientConnection& client, http::RequestHead& head);

// recognise: provider, dialect, endpoint, model; the body is held whole when policy
// must read it. Errors: not_found, bad_request, request_too_large, loop_detected ...
awaitable<Result<void>> recognise(ClientConnection& client, const http::RequestHead& head,
                                  Call& call);

// authenticate: the presented virtual key names the caller and leaves the request; may the
// key do this? Headers fill the scope that the key leaves open. With an error `caller` is as
// far as it is known. Errors: invalid_api_key, provider_key_missing, scope_mismatch,
// model_not_allowed, provider_not_allowed, dialect_not_allowed, bad_request.
Result<void> authenticate(const Services& services, const KeySnapshot& keys,
                          const http::RequestHead& head, Call& call, Caller& caller);

// limit: requests, tokens and parallel slots; what it gives comes back by itself.
Result<Permit> limit(const Services& services, const Caller& caller, const Call& call);

// hold: the worst case is set aside, durably, before any octet leaves. `record` says who
// asks for what, and is from here on the record as a crash would have to write it.
// Error: ledger_unavailable.
awaitable<Result<Hold>> hold(ClientConnection& client, const Permit& permit, const Call& call,
                             Record& record);

// The hold grows by one more try, durably, before that try leaves. Errors: as `hold`.
awaitable<Result<void>> grow(ClientConnection& client, const Call& call, const Hold& hold,
                             const Provider& provider, Record& record);

// choose: which provider serves the call now.
Result<Target> choose(const Call& call);

// send: the request reaches the provider and the answer's head comes back. Every try
// leaves a row in `attempts`. A stale pooled connection is replayed once.
awaitable<Result<void>> send(ClientConnection& client, const http::RequestHead& head, Call& call,
                             const Hold& hold, const Target& target, Record& record,
                             std::vector<AttemptRecord>& attempts, Attempt& answered);

// relay: octets pass as they come, a reader counts from the side. Returns with the
// last of them unsent. Never finishes a cut answer politely.
awaitable<void> relay(ClientConnection& client, const http::RequestHead& head, const Call& call,
                      Attempt& attempt, std::uint32_t attempts, Relayed& result);

// finish: the kept-back octets go out; false if the client didn't take them.
awaitable<bool> finish(ClientConnection& client, const Call& call, const Record& record,
                       Relayed& relayed);

// The record of a call as far as it is known before it is sent: who asks for what.
Record begin_record(const Services& services, const Call& call, const Caller& caller);

// What sets the price of a call beside its usage and its model. Refers to the arguments.
PriceContext price_context(const Services& services, const Call& call, const Record& record);

// Will somebody have to count what this exchange used?
bool needs_count(const Call& call, const std::vector<AttemptRecord>& attempts,
                 const Relayed& relayed);

// count: tokens nobody reported, beside the worker. Takes the request's body and the answer's
// text, which nobody needs any more. What isn't counted in time stays unsaid.
awaitable<void> count(ClientConnection& client, Call& call, Relayed& relayed, TokenCounts& counts);

// settle: tokens and price, exactly once, however the exchange ended. Takes the usage that
// was read.
void settle(const Services& services, const Call& call, Relayed& relayed,
            const TokenCounts& counts, int status, std::vector<AttemptRecord> attempts,
            SteadyTime now, Record& record);

// record: the ledger has the record and the hold has ended when this returns; or, when
// the store is down, it has them in its queue.
awaitable<void> record(ClientConnection& client, HoldId hold, Record& record);

// tell: one log line and the metrics. The record says that a provider failed; the line says
// why, from `error`.
void tell(const Services& services, MetricsShard& metrics, const Record& record,
          const Timings& timings, const Error& error);

}  // namespace stages

// rescue: turns an Error into the answer its caller's dialect expects; the only place
// that does. False: the connection can't go on.
awaitable<bool> rescue(ClientConnection& client, const http::RequestHead& head, const Call& call,
                       const Error& error, bool request_read);
int status_of(const Error& error);
Outcome outcome_of(const Error& error);

}  // namespace farebox
