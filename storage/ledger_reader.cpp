#include "storage/ledger_reader.hpp"

#include <fmt/format.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "storage/entry.hpp"
#include "storage/ledger_check.hpp"
#include "storage/ledger_copy.hpp"
#include "storage/ledger_walk.hpp"
#include "storage/record_codec.hpp"
#include "storage/signing_key.hpp"
#include "storage/turn_log.hpp"

namespace farebox {

struct LedgerReader::Impl {
  std::string directory;
  std::unique_ptr<RocksStore> store;
  CheckedLedger checked;
  std::vector<Turn> pending;
  std::string turns_fault;

  void visit_pending(const RecordFilter& filter,
                     const std::function<bool(const Record&)>& visit) const;
  std::uint64_t count_pending() const {
    std::uint64_t count = 0;
    visit_pending({}, [&](const Record&) { return ++count != 0; });
    return count;
  }
};

LedgerReader::LedgerReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LedgerReader::~LedgerReader() = default;

Result<std::unique_ptr<LedgerReader>> LedgerReader::open(
    const std::string& directory, std::shared_ptr<rocksdb::FileSystem> file_system) {
  const LedgerPaths paths(directory);
  auto opened = open_checked(paths, file_system, RocksStore::Access::read_only);
  if (!opened) return opened.error();
  auto impl = std::make_unique<Impl>();
  impl->directory = directory;
  impl->store = std::move(opened->store);
  impl->checked = std::move(opened->checked);
  const LedgerState& state = impl->checked.state;
  // What a running farebox is writing just now looks damaged once, and then no more.
  for (int tries = 0; tries < 4; ++tries) {
    if (tries != 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    TurnLog::Left left = TurnLog::read(paths.turns, state.epoch, state.turn);
    impl->pending = std::move(left.turns);
    const bool lasts = tries == 0 || left.fault == impl->turns_fault;
    impl->turns_fault = lasts ? std::move(left.fault) : std::string();
    if (impl->turns_fault.empty() || !impl->checked.has_turn_log()) break;
  }
  if (!impl->checked.has_turn_log()) impl->turns_fault.clear();
  return std::unique_ptr<LedgerReader>(new LedgerReader(std::move(impl)));
}

Result<VerifyReport> LedgerReader::verify() const {
  const CheckedLedger& ledger = impl_->checked;
  const LedgerState& state = ledger.state;
  const Checkpoint& point = ledger.checkpoint;
  VerifyReport report;
  std::vector<std::string>& faults = report.faults;
  if (!ledger.cut.empty()) {
    faults.push_back("the log is damaged behind the last synced record, and will be cut there "
                     "at the next start: " + ledger.cut);
  }
  if (point.pruned() != 0) {
    std::string message;
    point.encode_unsigned(message);
    if (!SigningKey::verify(point.public_key, message, point.signature)) {
      faults.push_back("the signature of the checkpoint is wrong");
    } else {
      const auto key = SigningKey::open_existing(LedgerPaths(impl_->directory).key);
      if (key && key->public_key() != point.public_key) {
        faults.push_back("the checkpoint was signed by another key than this ledger's");
      }
    }
  }
  LedgerWalk walk(point);
  const auto walked = impl_->store->for_each(
      impl_->store->records(), point.first,
      [&](std::string_view key, std::string_view octets) { return walk.next(key, octets); });
  if (!walked) {
    if (walked.error().code != ErrorCode::ledger_damaged) return walked.error();
    faults.push_back(fmt::format("after record {}: {}", walk.last(), walked.error().context));
  }
  if (!walk.fault().empty()) faults.push_back(walk.fault());
  if (faults.empty()) {
    const std::uint64_t end = std::max(state.last, point.pruned());
    if (walk.last() != end) {
      faults.push_back(fmt::format("the newest record is {}, but the ledger's state says {}",
                                   walk.last(), end));
    } else if (state.last != 0 && walk.head() != state.head) {
      faults.push_back("the chain's head is not the one the ledger's state says");
    }
    if (walk.cost() != state.cost || walk.unpriced() != state.unpriced) {
      faults.push_back(fmt::format("the records cost ${}, but the ledger's state says ${}",
                                   walk.cost().decimal(), state.cost.decimal()));
    }
  }
  if (const std::uint64_t hold = walk.hold_ended_twice(); hold != 0) {
    faults.push_back(fmt::format("hold {:016x} ended in more than one record", hold));
  }
  if (!impl_->turns_fault.empty()) {
    faults.push_back("ledger.turns " + impl_->turns_fault + ": calls of the last moments before "
                     "the end may be missing");
  }
  // The tables' own checksums: also of what no record is read from.
  // Those are opened by name, so one that a running farebox has compacted away is missing.
  const rocksdb::Status tables = impl_->store->db().VerifyChecksum();
  const bool gone = tables.IsPathNotFound() || tables.IsNotFound() ||
                    tables.ToString().find("No such file") != std::string::npos;
  if (!tables.ok() && !gone && faults.empty()) faults.push_back(tables.ToString());

  report.records = walk.records();
  report.first = walk.records() == 0 ? 0 : point.first;
  report.last = walk.records() == 0 ? 0 : walk.last();
  report.pruned = point.pruned();
  report.synced = ledger.synced.last;
  report.pending = impl_->count_pending();
  report.open_holds = ledger.holds.size();
  report.held = state.held;
  report.cost = walk.cost();
  report.unpriced = walk.unpriced();
  report.chain = hex_of(walk.head());
  return report;
}

Result<void> LedgerReader::for_each(const RecordFilter& filter,
                                    const std::function<bool(const Record&)>& visit) const {
  std::uint64_t broken = 0;
  bool go_on = true;
  Record row;
  const auto done = impl_->store->for_each(
      impl_->store->records(), impl_->checked.checkpoint.first,
      [&](std::string_view key, std::string_view octets) {
        const std::uint64_t sequence = number_of(key);
        SealedRecord record;
        RecordFacts facts;
        if (open_record(key, octets, record) != Seal::good ||
            !decode_facts(record.payload, facts)) {
          broken = sequence;
          return false;
        }
        if (!filter.admits(facts)) return true;
        if (!decode_record(record.payload, row)) {
          broken = sequence;
          return false;
        }
        row.sequence = sequence;
        go_on = visit(row);
        return go_on;
      });
  if (!done) return done;
  if (broken != 0) {
    return Error(ErrorCode::ledger_damaged, fmt::format("record {} is broken", broken));
  }
  if (go_on) impl_->visit_pending(filter, visit);
  return {};
}

// As the committer will take them.
void LedgerReader::Impl::visit_pending(const RecordFilter& filter,
                                       const std::function<bool(const Record&)>& visit) const {
  std::set<std::uint64_t> open;
  for (const auto& [id, hold] : checked.holds) open.insert(id);
  std::uint64_t sequence = checked.state.last;
  for (const Turn& turn : pending) {
    for (const Turn::Write& write : turn.writes) {
      if (write.what == Turn::What::hold) {
        open.insert(write.hold.value);
        continue;
      }
      const bool ends = open.erase(write.hold.value) != 0;
      if (write.what == Turn::What::release || (write.hold && !ends)) continue;
      Record row;
      if (!decode_record(turn.octets_of(write), row)) return;
      row.sequence = ++sequence;
      if (filter.admits(facts_of(row)) && !visit(row)) return;
    }
  }
}

Result<VerifyReport> LedgerReader::copy_to(const std::string& directory) const {
  auto copied = copy_ledger(*impl_->store, impl_->checked, directory, CopyDamage::refuse);
  if (!copied) return copied;
  auto turns = TurnLog::open(LedgerPaths(directory).turns, impl_->checked.state.epoch);
  if (!turns) return turns.error();
  for (const Turn& turn : impl_->pending) (*turns)->append(turn.number, turn);
  copied->pending = impl_->count_pending();
  return copied;
}

}  // namespace farebox
