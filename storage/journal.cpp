#include "storage/journal.hpp"

#include <algorithm>
#include <utility>

#include "storage/entry.hpp"
#include "storage/octets.hpp"
#include "storage/record_codec.hpp"

namespace farebox {

Journal::Journal(const RocksStore& store, const CheckedLedger& checked,
                 const std::map<std::uint64_t, OpenHold>& holds)
    : store_(store), state_(checked.state), say_format_(checked.format != kLedgerFormat) {
  for (const auto& [id, hold] : holds) holds_.emplace(id, hold.amount);
}

void Batch::expect_results() {
  results.assign(turns.size(), {});
  for (std::size_t i = 0; i < turns.size(); ++i) {
    for (const Turn::Write& write : turns[i].writes) {
      if (write.ticket != 0) results[i].emplace_back().ticket = write.ticket;
    }
  }
}

void Journal::prepare(Batch& batch) {
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
  CHECK(write.hold);
  const auto [place, is_new] = touched_.try_emplace(write.hold.value);
  Touched& touched = place->second;
  if (is_new) touched.stored = stored_amount(write.hold);
  touched.open = true;
  touched.draft = turn.octets_of(write);
  touched.acknowledged = touched.acknowledged || turn.number != 0;
}

bool Journal::end(HoldId hold) {
  const auto [place, is_new] = touched_.try_emplace(hold.value);
  Touched& touched = place->second;
  if (is_new) {
    touched.stored = stored_amount(hold);
    touched.open = touched.stored.has_value();
  }
  return std::exchange(touched.open, false);
}

std::optional<Money> Journal::stored_amount(HoldId hold) const {
  const auto found = holds_.find(hold.value);
  return found == holds_.end() ? std::nullopt : std::optional(found->second);
}

// Only what is still open at the end of the batch is looked into.
void Journal::put_holds(Batch& batch) {
  for (const auto& [id, touched] : touched_) {
    const NumberKey key(id);
    if (touched.stored) {
      state_.held -= *touched.stored;
      --state_.open_holds;
    }
    if (touched.open) {
      RecordFacts facts;
      CHECK(decode_facts(touched.draft, facts));
      const Money amount = facts.priced ? facts.cost : Money();
      state_.held += amount;
      ++state_.open_holds;
      holds_.insert_or_assign(id, amount);
      if (!touched.stored && !touched.acknowledged) batch.taken.push_back(HoldId{id});
      seal(sealed_, key.view(), touched.draft);
      batch.writes.Put(&store_.holds(), key.view(), sealed_);
    } else if (touched.stored) {
      holds_.erase(id);
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
