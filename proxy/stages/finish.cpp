// finish: what relay kept back goes out, now that the record is written.
#include "proxy/policy_notes.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

awaitable<bool> finish(ClientConnection& client, const Call& call, const Record& record,
                       Relayed& relayed) {
  if (!relayed.began) {
    if (relayed.head.empty()) co_return false;
    // A stream's cost is in its record; a head can only tell that of a whole answer.
    if (record.metered && record.priced && !relayed.reading.stream) {
      relayed.head += "x-farebox-cost-usd: ";
      relayed.head += record.cost.decimal();
      relayed.head += "\r\n";
    }
    // What this call cost is known by now.
    if (call.budget_left) append_remaining(relayed.head, *call.budget_left - record.cost);
    relayed.head += "\r\n";
  } else {
    relayed.head.clear();
  }
  const asio::const_buffer pieces[] = {asio::buffer(relayed.head), asio::buffer(relayed.tail)};
  co_return co_await client.send(pieces, call.deadline);
}

}  // namespace farebox::stages
