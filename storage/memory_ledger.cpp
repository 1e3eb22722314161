#include "storage/memory_ledger.hpp"

#include <algorithm>

#include "storage/record_codec.hpp"
#include "storage/rollup_table.hpp"

namespace farebox {
namespace {

Money priced_cost(const Record& draft) { return draft.priced ? draft.cost : Money(); }

}  // namespace

HoldId MemoryLedger::make_hold_id() {
  const std::lock_guard lock(mutex_);
  return HoldId{next_hold_++};
}

Turn MemoryLedger::submit(Turn turn) {
  std::vector<CommitResult> results;
  {
    const std::lock_guard lock(mutex_);
    for (const Turn::Write& write : turn.writes) {
      CommitResult result;
      result.ticket = write.ticket;
      if (write.what == Turn::What::hold) {
        Record draft;
        CHECK(decode_record(turn.octets_of(write), draft));
        Record& held = holds_[write.hold.value];
        held_ += priced_cost(draft) - priced_cost(held);
        held = std::move(draft);
      } else {
        const auto open = holds_.find(write.hold.value);
        const bool ends = open != holds_.end();
        if (ends) {
          held_ -= priced_cost(open->second);
          holds_.erase(open);
        }
        if (write.what == Turn::What::settle && (ends || !write.hold)) {
          Record record;
          CHECK(decode_record(turn.octets_of(write), record));
          result.sequence = put(std::move(record));
        }
      }
      if (write.ticket != 0) results.push_back(result);
    }
  }
  if (!results.empty()) turn.sink->committed(results);
  turn.reuse();
  return turn;
}

void MemoryLedger::append(const Record& record) {
  const std::lock_guard lock(mutex_);
  put(record);
}

std::uint64_t MemoryLedger::put(Record record) {
  const std::size_t needed = std::min<std::size_t>(capacity_, next_ + 1);
  if (ring_.size() < needed) ring_.resize(needed);
  record.sequence = next_;
  ring_[next_ % capacity_] = std::move(record);
  return next_++;
}

Result<RecordPage> MemoryLedger::records(const RecordFilter& filter, std::size_t limit,
                                         std::optional<std::uint64_t> below) const {
  const std::lock_guard lock(mutex_);
  RecordPage page;
  std::uint64_t sequence = below ? std::min(*below, next_) : next_;
  while (sequence > oldest()) {
    const Record& record = at(--sequence);
    if (!filter.admits(facts_of(record))) continue;
    if (page.records.size() == limit) {
      page.next_below = sequence + 1;
      break;
    }
    page.records.push_back(record);
  }
  return page;
}

Result<UsageReport> MemoryLedger::usage(const UsageQuery& query) const {
  UsageGroups groups(query);
  const std::lock_guard lock(mutex_);
  for (std::uint64_t sequence = oldest(); sequence < next_; ++sequence) {
    const RecordFacts facts = facts_of(at(sequence));
    if (query.filter.admits(facts)) groups.add(facts);
  }
  return std::move(groups).report();
}

Result<void> MemoryLedger::scan(std::uint64_t first, const Visit& visit) const {
  const std::lock_guard lock(mutex_);
  for (std::uint64_t sequence = std::max(first, oldest()); sequence < next_; ++sequence) {
    visit(at(sequence));
  }
  return {};
}

Result<void> MemoryLedger::open_holds(const Visit& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, draft] : holds_) visit(draft);
  return {};
}

LedgerStatus MemoryLedger::status() const {
  const std::lock_guard lock(mutex_);
  LedgerStatus status;
  status.appended = next_ - 1;
  status.last = status.synced = next_ - 1;
  status.first = next_ == 1 ? 0 : oldest();
  status.open_holds = holds_.size();
  status.held = held_;
  return status;
}

}  // namespace farebox
