// extend: a stream's hold grows before its output passes what is paid for.
#include <algorithm>

#include "proxy/stages/stages.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

using Verdict = BudgetAnswer::Verdict;

// Money for so many tokens at a time; near the end of a budget for fewer.
constexpr Tokens kSteps[] = {1'024, 256, 64, 16, 0};
// No step but the last takes more than this part of what is left, so that others can grow too.
constexpr std::uint32_t kShare = 16;
// A store that takes longer is as good as down.
constexpr std::chrono::seconds kHoldTime{1};

// The largest step that the budgets pay; else why not even the smallest.
Verdict try_steps(Governor& governor, Hold& hold, Tokens needed) {
  Verdict verdict = Verdict::exceeded;
  const WorstCase before = hold.bound->with_output(*hold.output_held);
  const Tokens held = *hold.output_held;
  for (const Tokens step : kSteps) {
    const Tokens target = std::max(needed, held) + step;
    if (target == held) return Verdict::held;  // enough for now
    const WorstCase after = hold.bound->with_output(target);
    const BudgetAmount more{after.bill.cost - before.bill.cost, target - held};
    verdict = governor.grow(hold.budget, more, step == 0 ? 1 : kShare);
    if (verdict != Verdict::held) continue;
    hold.output_held = target;
    hold.each += more.money;
    return verdict;
  }
  return verdict;
}

}  // namespace

// It never waits for money: while nobody reads, the provider writes on.
awaitable<bool> extend(ClientConnection& client, Hold& hold, Record& record, Tokens needed) {
  const Money before = hold.each;
  if (try_steps(client.services().governor, hold, needed) != Verdict::held) co_return false;
  if (hold.each == before) co_return true;
  record.cost += hold.each - before;
  record.usage.output = *hold.output_held;
  if (!hold.id) co_return true;
  // The crash record grows too. That the hold stands is what matters; a store that fails now
  // refuses the next call.
  CommitDesk::Ticket ticket(client.wake());
  client.worker().desk().hold(hold.id, record, ticket);
  if (!ticket.done()) co_await answered_by(client, ticket, client.now() + kHoldTime);
  co_return true;
}

}  // namespace farebox::stages
