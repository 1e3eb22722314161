#include "storage/ledger_copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/file_system.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "storage/entry.hpp"
#include "storage/ledger_walk.hpp"
#include "storage/octets.hpp"
#include "storage/record_codec.hpp"
#include "storage/synced_slots.hpp"

namespace farebox {
namespace {

constexpr std::size_t kBatchOctets = 1 << 20;

Result<void> make_directory(const std::string& directory) {
  std::error_code ec;
  std::filesystem::create_directories(directory, ec);
  if (!ec) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, ec);
  }
  if (ec) {
    return Error(ErrorCode::io_failed, fmt::format("can't make '{}': {}", directory, ec.message()));
  }
  const LedgerPaths paths(directory);
  if (std::filesystem::exists(paths.database) || std::filesystem::exists(paths.synced)) {
    return Error(ErrorCode::io_failed,
                 fmt::format("'{}' holds a ledger already; give an empty directory", directory));
  }
  return {};
}

void put_row(rocksdb::WriteBatch& batch, const RocksStore& store, std::string_view name,
             std::string_view payload) {
  std::string sealed;
  seal(sealed, name, payload);
  batch.Put(&store.meta(), name, sealed);
}

// Copies the records as far as the chain holds.
Result<LedgerState> copy_records(const RocksStore& from, const RocksStore& to,
                                 std::uint64_t first, LedgerWalk& walk) {
  rocksdb::WriteBatch batch;
  Result<void> written;
  const auto walked =
      from.for_each(from.records(), first, [&](std::string_view key, std::string_view octets) {
        if (!walk.next(key, octets)) return false;
        batch.Put(&to.records(), key, octets);
        if (batch.GetDataSize() >= kBatchOctets) {
          written = to.write(batch, false);
          batch.Clear();
        }
        return static_cast<bool>(written);
      });
  if (!written) return written.error();
  if (const auto rest = to.write(batch, false); !rest) return rest.error();
  LedgerState state;
  state.last = walk.last();
  state.head = walk.head();
  state.cost = walk.cost();
  state.unpriced = walk.unpriced();
  if (!walked && walked.error().code != ErrorCode::ledger_damaged) return walked.error();
  return state;
}

// The sums are derived, but those of pruned records can't be made again.
Result<void> copy_rollups(const RocksStore& from, const RocksStore& to) {
  rocksdb::WriteBatch batch;
  Result<void> written;
  const auto walked = from.for_each_octets(
      from.rollups(), [&](std::string_view key, std::string_view octets) {
        batch.Put(&to.rollups(), key, octets);
        if (batch.GetDataSize() >= kBatchOctets) {
          written = to.write(batch, false);
          batch.Clear();
        }
        return static_cast<bool>(written);
      });
  if (!written) return written;
  if (!walked) return walked;
  return to.write(batch, false);
}

}  // namespace

Result<VerifyReport> copy_ledger(const RocksStore& from, const CheckedLedger& checked,
                                 const std::string& directory, CopyDamage damage) {
  if (const auto made = make_directory(directory); !made) return made.error();
  const LedgerPaths paths(directory);
  auto slots = SyncedSlots::open(*rocksdb::FileSystem::Default(), paths.synced);
  if (!slots) return slots.error();
  auto to = RocksStore::open(paths.database, nullptr, RocksStore::Access::read_write,
                             RocksStore::Recovery::refuse_damage);
  if (!to) return to.error();

  LedgerWalk walk(checked.checkpoint);
  auto state = copy_records(from, **to, checked.checkpoint.first, walk);
  if (!state) return state.error();
  VerifyReport report;
  const std::uint64_t end = std::max(checked.state.last, checked.checkpoint.pruned());
  if (walk.last() != end) {
    const std::string why = walk.fault().empty() ? std::string("the files are damaged")
                                                 : walk.fault();
    if (damage == CopyDamage::refuse) return Error(ErrorCode::ledger_damaged, why);
    report.faults.push_back(why);
    report.faults.push_back(fmt::format("kept the records up to {}; {} behind it are gone",
                                        walk.last(),
                                        end > walk.last() ? end - walk.last() : 0));
  }

  if (damage == CopyDamage::refuse) {
    if (const auto done = copy_rollups(from, **to); !done) return done.error();
  }
  rocksdb::WriteBatch batch;
  for (const auto& [id, hold] : checked.holds) {
    std::string sealed;
    seal(sealed, NumberKey(id).view(), hold.draft);
    batch.Put(&(*to)->holds(), NumberKey(id).view(), sealed);
    state->held += hold.amount;
    ++state->open_holds;
  }
  // Never below the original's: hold ids and batch numbers must not come again.
  state->epoch = checked.state.epoch;
  state->batch = checked.state.batch + 1;
  state->turn = checked.state.turn;
  std::string payload;
  state->encode(payload);
  put_row(batch, **to, kStateRow, payload);
  payload.clear();
  OctetWriter(payload).varint(kLedgerFormat);
  put_row(batch, **to, kFormatRow, payload);
  if (checked.checkpoint.pruned() != 0) {
    payload.clear();
    checked.checkpoint.encode(payload);
    put_row(batch, **to, kCheckpointRow, payload);
  }
  if (const auto done = (*to)->write(batch, true); !done) return done.error();
  const auto marked = (*slots)->write({state->batch, state->last, state->head, state->turn});
  if (!marked) return marked.error();

  report.records = walk.records();
  report.first = walk.records() == 0 ? 0 : checked.checkpoint.first;
  report.last = walk.records() == 0 ? 0 : walk.last();
  report.pruned = checked.checkpoint.pruned();
  report.synced = report.last;
  report.open_holds = checked.holds.size();
  report.held = state->held;
  report.cost = walk.cost();
  report.unpriced = walk.unpriced();
  report.chain = hex_of(walk.head());
  return report;
}

}  // namespace farebox
