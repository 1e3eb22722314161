// extend: a stream's hold grows before its output passes what is paid for.
#include <algorithm>

#include "proxy/stages/stages.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

using Verdict = BudgetAnswer::Verdict;

// Money for so many tokens at a time; near the end of a budget for fewer.
constexpr Tokens kSteps[] = {1'024, 256, 64, 16, 0};
constexpr std::chrono::milliseconds kFirstLook{2}, kLastLook{32};

// The largest step that the budgets pay; else why not even the smallest.
Verdict try_steps(Governor& governor, Hold& hold, Tokens needed) {
  Verdict verdict = Verdict::exceeded;
  const WorstCase before = hold.bound->with_output(*hold.output_held);
  for (const Tokens step : kSteps) {
    const WorstCase after = hold.bound->with_output(needed + step);
    const BudgetAmount more{after.bill.cost - before.bill.cost, needed + step - *hold.output_held};
    verdict = governor.grow(hold.budget, more);
    if (verdict != Verdict::held) continue;
    hold.output_held = needed + step;
    hold.each += more.money;
    return verdict;
  }
  return verdict;
}

}  // namespace

awaitable<bool> extend(ClientConnection& client, const Call& call, Hold& hold, Record& record,
                       Tokens needed) {
  Services& services = client.services();
  // Streams that wait for each other must not give up together: the first that does frees
  // money for the others.
  const auto patience = services.settings.enforcement.budget_wait;
  const SteadyTime until =
      std::min(client.now() + patience / 4 + patience * 3 / 4 * client.worker().chance() / Worker::kChances,
               call.deadline);
  std::chrono::milliseconds look = kFirstLook;
  const Money before = hold.each;
  while (true) {
    const Verdict verdict = try_steps(services.governor, hold, needed);
    if (verdict == Verdict::held) break;
    if (verdict == Verdict::exceeded || client.now() >= until || client.left() || client.cut_off()) {
      co_return false;
    }
    co_await client.wait(std::min(until, client.now() + look));
    look = std::min(2 * look, kLastLook);
  }
  record.cost += hold.each - before;
  record.usage.output = *hold.output_held;
  if (!hold.id) co_return true;
  // The crash record grows too. That the hold stands is what matters; a store that fails now
  // refuses the next call.
  CommitDesk::Ticket ticket(client.wake());
  client.worker().desk().hold(hold.id, record, ticket);
  if (!ticket.done()) co_await answered_by(client, ticket, until);
  co_return true;
}

}  // namespace farebox::stages
