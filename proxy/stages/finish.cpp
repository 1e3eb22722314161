// finish: what relay kept back goes out, now that the record is written.
#include "proxy/policy_notes.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

namespace {

// The dialect's own end of an answer that is as long as it may be, and the end of the content.
// Empty: this stream can't be ended so, and must not look whole.
std::string end_of(const StreamEnd& end, const Record& record, bool in_chunks) {
  const auto words = end.end(record.usage);
  if (!words || words->empty() || !in_chunks) return words.value_or("");
  char size[20];
  std::string out(size, http::write_chunk_size(words->size(), size));
  out += *words;
  out += "\r\n0\r\n\r\n";
  return out;
}

}  // namespace

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
  if (relayed.budget_end) {
    relayed.tail = end_of(*relayed.budget_end, record, relayed.in_chunks);
    if (relayed.tail.empty()) client.end_with_reset();
  }
  if (relayed.outbox) {
    const bool out = co_await relayed.outbox->drain(call.deadline);
    if (!out) co_return false;
  }
  const std::string& rest = relayed.kept ? relayed.kept->body : relayed.tail;
  const asio::const_buffer pieces[] = {asio::buffer(relayed.head), asio::buffer(rest)};
  co_return co_await client.send(pieces, call.deadline);
}

}  // namespace farebox::stages
