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
#include "policy/routes.hpp"
#include "proxy/admission.hpp"
#include "proxy/call_bound.hpp"
#include "proxy/client_connection.hpp"
#include "proxy/dialect/dialect.hpp"
#include "proxy/dialect/stream_end.hpp"
#include "proxy/flight.hpp"
#include "proxy/http/body_reader.hpp"
#include "proxy/key_desk.hpp"
#include "proxy/outbox.hpp"
#include "proxy/provider_state.hpp"
#include "proxy/services.hpp"
#include "proxy/upstream_pool.hpp"
#include "storage/record.hpp"

namespace farebox {

// What a refusal by a budget or a limit says beside its message.
struct RefusalFacts {
  std::chrono::milliseconds retry_after{0};  // 0: not said
  std::string budget;                        // who refused; the rest is its
  Money limit, remaining;
  WallTime resets = WallTime::max();         // max: never
};

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
  SteadyTime patience;         // of the client, until an answer begins; at most `deadline`

  // The body: held whole when policy reads it, else it streams from the client.
  bool buffered = false;
  std::string body;
  BufferedOctets reservation;
  http::BodyReader body_reader;  // what is left to read from the client
  bool continue_owed = false;    // the client waits for 100 Continue
  CallPriority priority = CallPriority::normal;

  bool long_context = false;  // Anthropic's beta: a window of kLongContext
  std::string_view virtual_key;  // in the head; what holds it doesn't reach the provider

  // Where a route lets it go: places of `rule`, in order; without a rule only to `provider`.
  const ModelRoute* rule = nullptr;
  RoutePlan plan;
  std::size_t leg = 0;          // of the plan: where it goes now
  const Provider* home = nullptr;  // that the client asked, whose credentials it may have sent
  bool foreign = false;         // `provider` is another, and gets none of them
  std::string asked_model, asked_target;  // before a route said others
  std::optional<std::string> asked_body;  // where it was changed, and may go elsewhere yet
  std::string_view variant;     // of the place

  Flight* flight = nullptr;     // others may wait for its answer; null: nobody
  bool collects = false;        // it goes for several, and its answer is kept back whole

  // What policy tells the caller: header lines, each with its CRLF, and more of a refusal
  // than its message.
  std::string notes;
  std::optional<Money> budget_left;  // of the tightest that binds, were this call free
  Money budget_held;                 // for this call
  RefusalFacts refusal;
};

inline constexpr Tokens kLongContext = 1'000'000;

// Who asks, for attribution and policy.
struct Caller {
  std::string key_name, org, project, user;
  std::map<std::string, std::string> tags;
  std::size_t key_index = ~std::size_t{0};  // in the worker's keys, until it waits; else none
  // Its virtual key as the ring says it, whatever headers say; nothing: it has none.
  struct Owner {
    std::string key_id, org, project;
  };
  std::optional<Owner> owner;
  std::string_view refused = {};  // why a 401, for the log and a metric: a word of few
};

// The right to run now. What it took of the limits is in a HeldRoom.
struct Permit {};

// Money set aside for this call: in its budgets, and in the ledger before any octet leaves.
struct Hold {
  HoldId id;            // 0: the store is down and the operator lets calls pass
  Money each;           // set aside for one try
  bool priced = false;  // `each` is known
  HeldBudget budget;
  HeldBudget earlier;  // of tries elsewhere that may be billed
  bool owes = false;   // a try that `budget` paid for may be billed, and isn't the last
  BudgetDecision decision;
  std::size_t notes = 0;  // octets of Call::notes from before it was asked for
  std::optional<CallBound> bound;  // of calls to metered endpoints
  // Tokens of output that are paid for, over all answers, of a stream that grows its hold as
  // it runs; nothing: the whole worst case is held.
  std::optional<Tokens> output_held;
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

  bool has_connection() const { return connection_ != nullptr; }
  Channel& channel() { return *connection_->channel; }
  // Straight from its dial, so a silent end is no sign of its having lain idle too long.
  bool fresh() const { return connection_->requests == 0 && !connection_->rested; }
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

// The right to ask a provider now; given back when it is destroyed.
struct Passage {
  CallSlot slot;          // of the calls it takes at once
  BreakerPass pass;       // of its breaker
  ProviderState::Key key; // of its API keys
};

// What became of the answer.
struct Relayed {
  Outcome outcome = Outcome::ok;
  Error error;               // why, when it isn't ok
  Failure failure = Failure::none;  // what that says of the provider, after its answer began well
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
  std::unique_ptr<Outbox> outbox;  // what goes out before `tail`; null: nothing
  SharedAnswer kept;  // goes out behind `head` in the place of `tail`
  // Of a stream that a budget cut: what ends it, once its tokens are counted.
  std::unique_ptr<StreamEnd> budget_end;
  bool in_chunks = false;  // and how
  bool head_in_chunks = false;  // `head` says that the content comes in chunks
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
// `last`: of the client's connection.
Result<void> authenticate(const Services& services, const KeySnapshot& keys, LastKey& last,
                          const http::RequestHead& head, Call& call, Caller& caller);

// Is there a key in it that `authenticate` would take for a caller's?
bool has_active_key(const Services& services, const KeySnapshot& keys, LastKey& last,
                    const http::RequestHead& head, const Call& call);

// Can policy go by what the body says? Where it must and can't: why not, for the caller; else
// nothing. Errors: bad_request.
Result<void> check_readable(const Call& call);

// limit: requests, tokens and parallel slots of everyone the record names. Errors:
// rate_limited, overloaded.
Result<Permit> limit(const Services& services, Call& call, const Record& record, HeldRoom& room);

// reserve: money of all budgets that apply, or of none; may lower what the call may cost. Errors:
// budget_exceeded, budget_held, model_not_priced, endpoint_not_metered, overloaded.
// Nothing: they don't pay at once, and `reserve` goes on from there.
std::optional<Result<void>> reserve_at_once(ClientConnection& client, Call& call, Record& record,
                                            Hold& hold);
// Looks for another way, and waits for money that others hold.
awaitable<Result<void>> reserve(ClientConnection& client, Call& call, Record& record, Hold& hold);

// hold: the worst case is set aside, durably, before any octet leaves. `record` says who
// asks for what, and is from here on the record as a crash would have to write it.
// Errors: as `reserve`; ledger_unavailable.
awaitable<Result<void>> hold(ClientConnection& client, const Permit& permit, Call& call,
                             Record& record, Hold& hold);

// The hold is for one more try, durably, before that leaves: it grows where the last of `tried`
// may be billed. Errors: as `hold`.
awaitable<Result<void>> hold_again(ClientConnection& client, const Call& call, Hold& hold,
                                   const std::vector<AttemptRecord>& tried, Record& record);

// The call is aimed at another provider or model: what that may cost is held instead, and
// beside it what the last of `tried` may be billed. Errors: as `hold`, and less is held.
awaitable<Result<void>> hold_elsewhere(ClientConnection& client, Call& call, Hold& hold,
                                       const std::vector<AttemptRecord>& tried, Record& record);

// The route for what the call asks, or null. `named`: its path says which provider.
const ModelRoute* find_route(const Services& services, const Call& call, bool named);

// The record is in the ledger or on its way: the budgets count what it cost.
void settle_hold(Governor& governor, Hold& hold, const Record& record);

// choose: which provider serves the call now, and who comes next. Errors:
// provider_not_allowed, bad_request.
Result<void> choose(ClientConnection& client, Call& call, const Caller& caller);

// send: the request reaches a provider and the answer's head comes back. Every try leaves a row
// in `attempts`. What fails is tried again, there or where the call's route says, until an answer
// begins. A stale pooled connection is replayed once.
awaitable<Result<void>> send(ClientConnection& client, const http::RequestHead& head, Call& call,
                             Hold& hold, Record& record, std::vector<AttemptRecord>& attempts,
                             Passage& passage, Attempt& answered);

// relay: octets pass as they come, a reader counts from the side. Returns with the
// last of them unsent. Never finishes a cut answer politely, but one that a budget cut: that
// ends as its dialect ends an answer which is as long as it may be.
awaitable<void> relay(ClientConnection& client, const http::RequestHead& head, const Call& call,
                      Attempt& attempt, std::uint32_t attempts, Hold& hold, Record& record,
                      Relayed& result);

// extend: the hold of a running stream pays for `needed` tokens of output, durably; false: its
// budgets can't.
awaitable<bool> extend(ClientConnection& client, Hold& hold, Record& record, Tokens needed);

// The provider's answer has ended: its slot is free, and its breaker hears of one that began well
// and then broke off.
void note_end(SteadyTime now, const Relayed& relayed, Passage& passage);

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

// What a whole answer reported teaches how its model counts, if it is its turn; nobody waits.
// Takes the request's body and the answer's text as `count` does.
void learn(const Services& services, Call& call, Relayed& relayed, SteadyTime now);

// settle: tokens and price, exactly once, however the exchange ended. Takes the usage that
// was read. `binds`: a budget pays, so that what has no price costs what was held.
void settle(const Services& services, const Call& call, Relayed& relayed,
            const TokenCounts& counts, int status, std::vector<AttemptRecord> attempts,
            SteadyTime now, bool binds, Record& record);

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
int status_of(const Error& error, const Settings& settings);  // as the operator wants it
Outcome outcome_of(const Error& error);

}  // namespace farebox
