// Repair: what is whole is copied, the damaged files are set aside, nothing is deleted.
#include <fmt/format.h>
#include <rocksdb/file_system.h>

#include <filesystem>

#include "storage/entry.hpp"
#include "storage/ledger_copy.hpp"
#include "storage/record_codec.hpp"
#include "storage/synced_slots.hpp"
#include "storage/turn_log.hpp"

namespace farebox {
namespace {

namespace fs = std::filesystem;

// What can be said of a ledger whose parts disagree: the rows that can still be read.
CheckedLedger gather(const RocksStore& store, std::vector<std::string>& said) {
  CheckedLedger ledger;
  if (const auto row = store.row(kStateRow); row && *row) {
    if (const auto state = LedgerState::decode(**row)) ledger.state = *state;
  } else {
    said.push_back("the ledger's state was lost and is made anew from the records");
  }
  if (const auto row = store.row(kCheckpointRow); row && *row) {
    if (auto point = Checkpoint::decode(**row)) ledger.checkpoint = std::move(*point);
  }
  if (const auto last = store.last_sequence(); last && *last) {
    ledger.state.last = std::max(ledger.state.last, **last);
  }
  std::uint64_t lost = 0;
  const auto done =
      store.for_each(store.holds(), 0, [&](std::string_view key, std::string_view octets) {
        std::string_view draft;
        RecordFacts facts;
        if (open_sealed(key, octets, draft) != Seal::good || !decode_facts(draft, facts)) {
          ++lost;
          return true;
        }
        const Money amount = facts.priced ? facts.cost : Money();
        ledger.holds[number_of(key)] = {amount, std::string(draft)};
        return true;
      });
  if (!done) said.push_back("open holds could not all be read: " + done.error().context);
  if (lost != 0) said.push_back(fmt::format("{} open holds are broken and gone", lost));
  return ledger;
}

std::string free_name(const std::string& path) {
  for (int number = 1;; ++number) {
    std::string name = fmt::format("{}.damaged-{}", path, number);
    if (!fs::exists(name)) return name;
  }
}

}  // namespace

Result<std::vector<std::string>> repair_ledger(const std::string& directory) {
  std::vector<std::string> said;
  const LedgerPaths paths(directory);
  auto store = RocksStore::open(paths.database, nullptr, RocksStore::Access::read_only,
                                RocksStore::Recovery::refuse_damage);
  if (!store && store.error().code == ErrorCode::ledger_damaged) {
    said.push_back("the log is damaged: " + store.error().context);
    store = RocksStore::open(paths.database, nullptr, RocksStore::Access::read_only,
                             RocksStore::Recovery::cut_at_damage);
  }
  if (!store) {
    return Error(store.error().code,
                 "nothing can be read, so nothing can be kept; restore a backup: " +
                     store.error().context);
  }
  const auto format = read_format(**store);
  if (!format && format.error().code == ErrorCode::ledger_newer) return format.error();
  CheckedLedger ledger = gather(**store, said);
  ledger.format = format ? *format : 0;
  const auto slots = SyncedSlots::read(*rocksdb::FileSystem::Default(), paths.synced);
  if (slots && slots->readable && slots->mark.last > ledger.state.last) {
    said.push_back(fmt::format("up to record {} was on the disk, up to {} can be found: {} are "
                               "lost",
                               slots->mark.last, ledger.state.last,
                               slots->mark.last - ledger.state.last));
  }
  const std::string aside = directory + "/ledger.repair";
  std::error_code ec;
  fs::remove_all(aside, ec);
  const auto copied = copy_ledger(**store, ledger, aside, CopyDamage::keep_prefix);
  if (!copied) return copied.error();
  store->reset();
  for (const std::string& fault : copied->faults) said.push_back(fault);

  const LedgerPaths whole(aside);
  std::vector<std::pair<std::string, std::string>> moves{{paths.database, whole.database},
                                                         {paths.synced, whole.synced}};
  TurnLog::Left left = TurnLog::read(paths.turns, ledger.state.epoch, ledger.state.turn);
  if (ledger.has_turn_log() && !left.fault.empty()) {
    const auto turns = TurnLog::open(whole.turns, ledger.state.epoch);
    if (!turns) return turns.error();
    for (const Turn& turn : left.turns) (*turns)->append(turn.number, turn);
    said.push_back(fmt::format("ledger.turns {}; of its turns {} are kept", left.fault,
                               left.turns.size()));
    moves.emplace_back(paths.turns, whole.turns);
  }
  for (const auto& [from, to] : moves) {
    const std::string name = free_name(from);
    if (fs::exists(from)) fs::rename(from, name, ec);
    if (!ec) fs::rename(to, from, ec);
    if (ec) {
      return Error(ErrorCode::io_failed, fmt::format("can't put '{}' in its place: {}", from,
                                                     ec.message()));
    }
    if (fs::exists(name)) said.push_back(fmt::format("the damaged files are kept as '{}'", name));
  }
  fs::remove_all(aside, ec);
  said.push_back(fmt::format("the ledger has {} records, {} open holds and costs ${}",
                             copied->records, copied->open_holds, copied->cost.decimal()));
  return said;
}

}  // namespace farebox
