#include "storage/ledger_check.hpp"

#include <rocksdb/file_system.h>

#include "storage/entry.hpp"
#include "storage/octets.hpp"
#include "storage/record_codec.hpp"
#include "storage/synced_slots.hpp"

namespace farebox {
namespace {

using Access = RocksStore::Access;
using Recovery = RocksStore::Recovery;

constexpr std::uint64_t kCheckedOctets = 256 << 20;

Error damaged(std::string why) {
  return Error(ErrorCode::ledger_damaged,
               why + "; restore a backup, or keep what is whole with: farebox ledger verify "
                     "--repair");
}

Error newer() {
  return Error(ErrorCode::ledger_newer,
               "this ledger was written by a later farebox; start that version");
}

// The record of that number must be there with that link.
Result<void> check_link(const RocksStore& store, std::uint64_t sequence, const ChainLink& link,
                        const Checkpoint& checkpoint, std::string_view who) {
  if (sequence < checkpoint.first) {
    if (sequence + 1 == checkpoint.first && link != checkpoint.before) {
      return damaged("the checkpoint and " + std::string(who) + " disagree about record " +
                     std::to_string(sequence));
    }
    return {};
  }
  std::string octets;
  const NumberKey key(sequence);
  const rocksdb::Status status =
      store.db().Get(rocksdb::ReadOptions(), &store.records(), key.view(), &octets);
  if (!status.ok() && !status.IsNotFound()) return store_error(status, "read the ledger");
  SealedRecord record;
  const Seal seal =
      status.ok() ? open_record(key.view(), octets, record) : Seal::broken;
  if (seal == Seal::newer) return newer();
  if (seal == Seal::broken || record.link != link) {
    return damaged("record " + std::to_string(sequence) + ", which " + std::string(who) +
                   " knows, is missing or changed");
  }
  return {};
}

Result<void> read_holds(const RocksStore& store, CheckedLedger& ledger) {
  std::string broken;
  bool is_newer = false;
  Money held;
  const auto done = store.for_each(
      store.holds(), 0, [&](std::string_view key, std::string_view octets) {
        std::string_view draft;
        RecordFacts facts;
        const Seal seal = open_sealed(key, octets, draft);
        is_newer = is_newer || seal == Seal::newer;
        if (seal != Seal::good || !decode_facts(draft, facts)) {
          broken = std::to_string(number_of(key));
          return false;
        }
        const Money amount = facts.priced ? facts.cost : Money();
        held += amount;
        ledger.holds[number_of(key)] = {amount, std::string(draft)};
        return true;
      });
  if (!done) return done;
  if (is_newer) return newer();
  if (!broken.empty()) return damaged("hold " + broken + " is broken");
  if (ledger.holds.size() != ledger.state.open_holds || held != ledger.state.held) {
    return damaged("there are " + std::to_string(ledger.holds.size()) + " open holds of $" +
                   held.decimal() + ", but the ledger's state says " +
                   std::to_string(ledger.state.open_holds) + " of $" +
                   ledger.state.held.decimal());
  }
  return {};
}

}  // namespace

Result<std::uint64_t> read_format(const RocksStore& store) {
  const auto row = store.row(kFormatRow);
  if (!row) return row.error();
  if (!*row) return std::uint64_t{0};
  OctetReader in(**row);
  const std::uint64_t format = in.varint();
  if (format > kLedgerFormat) return newer();
  return format;
}

Result<CheckedLedger> check_ledger(const RocksStore& store, const SyncedMark& synced) {
  CheckedLedger ledger;
  ledger.synced = synced;
  const auto format = read_format(store);
  if (!format) return format.error();
  ledger.format = *format;
  const auto last = store.last_sequence();
  if (!last) return last.error();
  const auto row = store.row(kStateRow);
  if (!row) return row.error();
  if (!*row) {
    if (synced.batch != 0 || *last) return damaged("the ledger's state is missing");
    ledger.fresh = true;
    return ledger;
  }
  const auto state = LedgerState::decode(**row);
  if (!state) return damaged("the ledger's state can't be read");
  ledger.state = *state;

  const auto pruned = store.row(kCheckpointRow);
  if (!pruned) return pruned.error();
  if (*pruned) {
    auto checkpoint = Checkpoint::decode(**pruned);
    if (!checkpoint) return damaged("the checkpoint of pruned records can't be read");
    ledger.checkpoint = std::move(*checkpoint);
  }
  // The second place was written after the sync it tells of: what it knows must be here.
  if (state->batch < synced.batch || state->last < synced.last) {
    return damaged("the ledger ends at record " + std::to_string(state->last) + " (batch " +
                   std::to_string(state->batch) + "), but up to record " +
                   std::to_string(synced.last) + " (batch " + std::to_string(synced.batch) +
                   ") it was on the disk");
  }
  const std::uint64_t expected = state->last >= ledger.checkpoint.first ? state->last : 0;
  if (last->value_or(0) != expected) {
    return damaged("the newest record is " + std::to_string(last->value_or(0)) +
                   ", but the ledger's state says " + std::to_string(expected));
  }
  if (state->last != 0) {
    const auto end = check_link(store, state->last, state->head, ledger.checkpoint, "the state");
    if (!end) return end.error();
  }
  if (synced.last != 0) {
    const auto mark =
        check_link(store, synced.last, synced.head, ledger.checkpoint, "the second place");
    if (!mark) return mark.error();
  }
  if (const auto done = read_holds(store, ledger); !done) return done.error();
  return ledger;
}

namespace {

// Looks at the store without changing anything. Gives what will be cut of its log, if
// anything must be; leaves the store in `opened` when reading is all that was wanted.
Result<std::string> look_before(const LedgerPaths& paths,
                                const std::shared_ptr<rocksdb::FileSystem>& files,
                                const SyncedSlots::Read& slots, Access access,
                                OpenedLedger& opened) {
  const auto open = [&](Recovery recovery) {
    return RocksStore::open(paths.database, files, Access::read_only, recovery);
  };
  auto look = open(Recovery::refuse_damage);
  // A writer may clean up while a reader opens beside it, so a reader tries again.
  for (int again = 0; again < 4 && access == Access::read_only && !look &&
                      look.error().code != ErrorCode::not_found;
       ++again) {
    look = open(Recovery::refuse_damage);
  }
  std::string cut;
  if (!look && look.error().code == ErrorCode::not_found) {
    if (slots.mark.batch != 0) {
      return damaged("the ledger's files are gone, but '" + paths.synced + "' knows " +
                     std::to_string(slots.mark.last) + " records");
    }
    if (access == Access::read_only) return look.error();
    return cut;
  }
  if (look && !slots.exists) {
    const auto row = (*look)->row(kStateRow);
    if (!row) return row.error();
    if (*row) return damaged("'" + paths.synced + "' is missing");
  }
  if (!look && look.error().code == ErrorCode::ledger_damaged) {
    // Damage behind what was synced is what a power loss leaves; it may be cut.
    cut = look.error().context;
    look = open(Recovery::cut_at_damage);
    if (!look) return damaged(cut);
  }
  if (!look) return look.error();
  // The checksums of all blocks, as long as that takes a moment only; of a larger ledger
  // `farebox ledger verify` tells.
  if (access == Access::read_write && (*look)->octets() <= kCheckedOctets) {
    const rocksdb::Status tables = (*look)->db().VerifyChecksum();
    if (!tables.ok()) return damaged(tables.ToString());
  }
  auto checked = check_ledger(**look, slots.mark);
  if (!checked) {
    if (cut.empty()) return checked.error();
    return Error(checked.error().code, cut + "; " + checked.error().context);
  }
  if (access == Access::read_only) {
    opened.store = std::move(*look);
    opened.checked = std::move(*checked);
    opened.checked.cut = cut;
  }
  return cut;
}

}  // namespace

Result<OpenedLedger> open_checked(const LedgerPaths& paths,
                                  const std::shared_ptr<rocksdb::FileSystem>& files,
                                  RocksStore::Access access) {
  rocksdb::FileSystem& disk = files ? *files : *rocksdb::FileSystem::Default();
  const auto slots = SyncedSlots::read(disk, paths.synced);
  if (!slots) return slots.error();
  if (slots->newer) return newer();
  if (slots->exists && !slots->readable) return damaged("'" + paths.synced + "' can't be read");

  OpenedLedger opened;
  Recovery recovery = Recovery::refuse_damage;
  const bool writes = access == Access::read_write;
  // Nothing was ever written: what stands there is at most the beginning of a first start
  // that was killed, and RocksDB finishes it.
  const bool unborn = writes && slots->exists && slots->mark.batch == 0;
  const auto checked = unborn ? Result<std::string>(std::string())
                              : look_before(paths, files, *slots, access, opened);
  if (!checked) return checked.error();
  if (opened.store) return opened;
  if (!checked->empty()) recovery = Recovery::cut_at_damage;
  auto store = RocksStore::open(paths.database, files, Access::read_write, recovery);
  if (!store) return store.error();
  opened.store = std::move(*store);
  auto whole = check_ledger(*opened.store, slots->mark);
  if (!whole) return whole.error();
  opened.checked = std::move(*whole);
  opened.checked.cut = *checked;
  return opened;
}

}  // namespace farebox
