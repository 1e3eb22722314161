// hold: the worst case is in the ledger before any octet leaves; record: what came of it
// takes the hold's place. With sync: always both wait for the disk, else hardly at all.
#include <algorithm>
#include <new>

#include "policy/price_factor.hpp"
#include "proxy/record_shares.hpp"
#include "proxy/stages/stages.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

// A store that takes longer is as good as down.
constexpr std::chrono::seconds kHoldTime{5};
// The answer to a call that was made waits no longer; the record is in the queue.
constexpr std::chrono::seconds kRecordTime{2};

// Anthropic's beta (context-1m-2025-08-07), which Bedrock and Vertex take in the body.
bool asks_long_context(const http::RequestHead& head, const Call& call) {
  if (call.facts.input_is_whole()) return false;
  if (call.facts.reach.long_context) return true;
  return std::any_of(head.fields.begin(), head.fields.end(), [](const http::Field& field) {
    return http::equals_ignoring_case(field.name, "anthropic-beta") &&
           field.value.find(kLongContextBeta) != std::string_view::npos;
  });
}

// What a crash would have to write: everything set aside is spent.
void assume_the_worst(const Services& services, const Call& call, Hold& hold, Record& draft) {
  draft.outcome = Outcome::crashed;
  if (!is_metered(call.route.endpoint)) {
    draft.priced = is_free(call.route.endpoint);
    hold.priced = draft.priced;
    return;
  }
  hold.bound.emplace(services, call, draft);
  const WorstCase worst = hold.bound->whole();
  draft.usage = worst.usage;
  draft.cost = hold.each = worst.bill.cost;
  draft.priced = hold.priced = worst.bill.priced;
  draft.estimated = true;
}

void add_attempt(const Hold& hold, const Call& call, Record& draft) {
  AttemptRecord& attempt = draft.attempts.emplace_back();
  attempt.provider = call.provider->settings.name;
  attempt.model = draft.model;
  attempt.outcome = Outcome::crashed;
  attempt.cost = hold.each;
  attempt.priced = hold.priced;
  attempt.sent = true;
}

SteadyTime patience(ClientConnection& client, const Call& call) {
  return std::min(client.now() + kHoldTime, call.deadline);
}

bool may_go_without(ClientConnection& client) {
  return client.services().settings.ledger.on_store_failure == OnStoreFailure::allow;
}

Error unavailable() {
  return Error(ErrorCode::ledger_unavailable, Fault::self, Retry::yes,
               "the ledger can't be written, and ledger.on_store_failure says deny: see the log "
               "and /api/ledger for the reason");
}

// The ledger's hold says what was tried so far, and one try more.
awaitable<Result<void>> write_again(ClientConnection& client, const Call& call, Hold& hold,
                                    const std::vector<AttemptRecord>& tried, Record& record) {
  record.attempts = tried;
  add_attempt(hold, call, record);
  if (!hold.id) co_return Result<void>();
  CommitDesk::Ticket ticket(client.wake());
  client.worker().desk().hold(hold.id, record, ticket);
  if (!ticket.done()) co_await answered_by(client, ticket, patience(client, call));
  // Grown or not, the hold stands for the tries before; the record will end it.
  if (ticket.written() || may_go_without(client)) co_return Result<void>();
  co_return unavailable();
}

}  // namespace

awaitable<Result<void>> hold(ClientConnection& client, const Permit&, Call& call, Record& record,
                             Hold& hold) {
  Governor& governor = client.services().governor;
  call.long_context = asks_long_context(client.head(), call);
  hold.notes = call.notes.size();
  assume_the_worst(client.services(), call, hold, record);
  governor.begin(hold.budget);
  if (governor.has_budgets()) {
    auto reserved = reserve_at_once(client, call, record, hold);
    if (!reserved) reserved = co_await reserve(client, call, record, hold);
    if (!*reserved) co_return std::move(*reserved);
  }
  hold.id = client.worker().desk().make_hold_id();
  add_attempt(hold, call, record);
  CommitDesk::Ticket ticket(client.wake());
  client.worker().desk().hold(hold.id, record, ticket);
  if (!ticket.done()) co_await answered_by(client, ticket, patience(client, call));
  governor.join(hold.budget, hold.id, scope_of(record),
                {record.cost, record.usage.input + record.usage.output}, record.time);
  if (ticket.written()) co_return Result<void>();
  // It may still be written; then this ends it.
  client.worker().desk().release(hold.id);
  hold.id = HoldId();
  if (may_go_without(client)) co_return Result<void>();
  co_return unavailable();
}

awaitable<Result<void>> hold_again(ClientConnection& client, const Call& call, Hold& hold,
                                   const std::vector<AttemptRecord>& tried, Record& record) {
  if (tried.back().cost != Money()) {
    const BudgetAmount more{hold.each, record.usage.input + record.usage.output};
    if (client.services().governor.grow(hold.budget, more) != BudgetAnswer::Verdict::held) {
      co_return Error(ErrorCode::budget_held, Fault::client, Retry::yes,
                      "the budget can't pay for another try while other calls hold its money");
    }
    record.cost += hold.each;
    hold.owes = true;
  }
  co_return co_await write_again(client, call, hold, tried, record);
}

awaitable<Result<void>> hold_elsewhere(ClientConnection& client, Call& call, Hold& hold,
                                       const std::vector<AttemptRecord>& tried, Record& record) {
  Services& services = client.services();
  Money billed;
  for (const AttemptRecord& attempt : tried) billed += attempt.cost;
  const bool owes = hold.owes || (!tried.empty() && tried.back().cost != Money());
  if (!owes) {
    hold.budget.release();
  } else if (!hold.earlier.take(hold.budget)) {
    co_return Error(ErrorCode::budget_held, Fault::client, Retry::no,
                    "two tries elsewhere may be billed already");
  }
  call.notes.resize(std::min(hold.notes, call.notes.size()));
  record.provider = call.provider->settings.name;
  record.model = call.model;
  record.variant = call.variant;
  record.price_factor =
      price_factor(services.settings.prices.adjust, record.provider, record.key_name);
  services.governor.name_model(record);
  hold.owes = false;
  hold.output_held.reset();
  hold.decision = BudgetDecision();
  assume_the_worst(services, call, hold, record);
  services.governor.begin(hold.budget);
  if (services.governor.has_budgets()) {
    auto reserved = reserve_at_once(client, call, record, hold);
    if (!reserved) reserved = co_await reserve(client, call, record, hold);
    if (!*reserved) co_return std::move(*reserved);
  }
  record.cost += billed;
  auto written = co_await write_again(client, call, hold, tried, record);
  services.governor.join(hold.budget, hold.id, scope_of(record),
                         {hold.each, record.usage.input + record.usage.output}, record.time);
  co_return written;
}

void settle_hold(Governor& governor, Hold& hold, const Record& record) {
  each_share(record, scope_of(record), [&](const ScopeValues& whose, const BudgetAmount& share) {
    const bool here = whose.provider == record.provider;
    governor.settle(here ? hold.budget : hold.earlier, here ? hold.id : HoldId(), whose, share,
                    record.time);
  });
}

awaitable<void> record(ClientConnection& client, HoldId hold, Record& record) {
  CommitDesk::Ticket ticket(client.wake());
  client.worker().desk().settle(hold, record, ticket);
  try {
    if (!ticket.done()) co_await answered_by(client, ticket, client.now() + kRecordTime);
  } catch (const std::bad_alloc&) {
    // It is written all the same.
  }
  if (ticket.done()) record.sequence = ticket.sequence();
}

}  // namespace farebox::stages
