#include "storage/journal.hpp"

#include <algorithm>

#include "storage/entry.hpp"
#include "storage/octets.hpp"
#include "storage/record_codec.hpp"

namespace farebox {

Journal::Journal(const RocksStore& store, const CheckedLedger& checked,
                 const std::map<std::uint64_t, OpenHold>& holds)
    : store_(store), state_(checked.state), say_format_(checked.format != kLedgerFormat) {
  for (const auto& [id, hold] : holds) holds_.emplace(id, hold.amount);
}

Batch Journal::prepare(std::vector<Turn> turns) {
  Batch batch;
  batch.turns = std::move(turns);
  batch.number = ++state_.batch;
  batch.results.resize(batch.turns.size());
  for (std::size_t i = 0; i < batch.turns.size(); ++i) {
    const Turn& turn = batch.turns[i];
    for (const Turn::Write& write : turn.writes) {
      CommitResult result;
      result.ticket = write.ticket;
      switch (write.what) {
        case Turn::What::hold: take(turn, write); break;
        case Turn::What::settle: result.sequence = settle(turn, write, batch); break;
        case Turn::What::release: end(write.hold); break;
      }
      if (write.ticket != 0) batch.results[i].push_back(result);
    }
    state_.turn = std::max(state_.turn, turn.number);
  }
  put_holds(batch);
  put_state(batch);
  return batch;
}

Batch Journal::prepare_state() {
  Batch batch;
  batch.number = ++state_.batch;
  put_state(batch);
  return batch;
}

void Journal::prune(Batch& batch, const Checkpoint& checkpoint) {
  payload_.clear();
  checkpoint.encode(payload_);
  seal(sealed_, kCheckpointRow, payload_);
  batch.writes.Put(&store_.meta(), kCheckpointRow, sealed_);
}

// Taking and growing are the same: the newest draft stands.
void Journal::take(const Turn& turn, const Turn::Write& write) {
  const std::string_view draft = turn.octets_of(write);
  RecordFacts facts;
  CHECK(write.hold && decode_facts(draft, facts));
  const Money amount = facts.priced ? facts.cost : Money();
  const auto [place, is_new] = holds_.try_emplace(write.hold.value, Money());
  state_.held += amount - place->second;
  place->second = amount;
  if (is_new) ++state_.open_holds;
  Touched& touched = touched_.try_emplace(write.hold.value, Touched{!is_new, false, {}}).first->second;
  touched.draft = draft;
  touched.acknowledged = touched.acknowledged || turn.number != 0;
}

bool Journal::end(HoldId hold) {
  const auto open = holds_.find(hold.value);
  if (open == holds_.end()) return false;
  state_.held -= open->second;
  --state_.open_holds;
  holds_.erase(open);
  touched_.try_emplace(hold.value, Touched{true, false, {}});
  return true;
}

void Journal::put_holds(Batch& batch) {
  for (const auto& [id, touched] : touched_) {
    const NumberKey key(id);
    if (holds_.contains(id)) {
      if (!touched.stored && !touched.acknowledged) batch.taken.push_back(HoldId{id});
      seal(sealed_, key.view(), touched.draft);
      batch.writes.Put(&store_.holds(), key.view(), sealed_);
    } else if (touched.stored) {
      batch.writes.Delete(&store_.holds(), key.view());
    }
  }
  touched_.clear();
}

// Gives the record's sequence; 0 when the hold has ended before and nothing is written.
std::uint64_t Journal::settle(const Turn& turn, const Turn::Write& write, Batch& batch) {
  if (write.hold && !end(write.hold)) return 0;
  const std::string_view payload = turn.octets_of(write);
  RecordFacts facts;
  CHECK(decode_facts(payload, facts));
  const std::uint64_t sequence = ++state_.last;
  state_.head = hasher_.next(state_.head, sequence, payload);
  if (facts.priced) {
    state_.cost += facts.cost;
  } else if (facts.metered) {
    ++state_.unpriced;
  }
  seal_record(sealed_, sequence, state_.head, payload);
  batch.writes.Put(&store_.records(), NumberKey(sequence).view(), sealed_);
  facts.sequence = sequence;
  batch.settled.push_back(facts);
  return sequence;
}

void Journal::put_state(Batch& batch) {
  payload_.clear();
  state_.encode(payload_);
  seal(sealed_, kStateRow, payload_);
  batch.writes.Put(&store_.meta(), kStateRow, sealed_);
  if (say_format_) {
    say_format_ = false;
    payload_.clear();
    OctetWriter(payload_).varint(kLedgerFormat);
    seal(sealed_, kFormatRow, payload_);
    batch.writes.Put(&store_.meta(), kFormatRow, sealed_);
  }
}

}  // namespace farebox
