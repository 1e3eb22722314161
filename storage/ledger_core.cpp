#include "storage/ledger_core.hpp"

#include <rocksdb/file_system.h>

#include "storage/guarded_files.hpp"

namespace farebox {
namespace {

Result<void> catch_up(LedgerCore& core, std::uint64_t last) {
  const std::uint64_t next = core.rollups->next_sequence();
  if (next > last) return {};
  return core.store->scan(next, last, [&](const RecordFacts& facts) { core.rollups->add(facts); });
}

}  // namespace

Result<LedgerCore::Opened> LedgerCore::open(const LedgerPaths& paths,
                                            const std::shared_ptr<rocksdb::FileSystem>& files,
                                            Logger& log) {
  rocksdb::FileSystem& disk = files ? *files : *rocksdb::FileSystem::Default();
  // The second place is made before the first: a ledger without it has lost it.
  const auto known = SyncedSlots::read(disk, paths.synced);
  if (!known) return known.error();
  const bool has_ledger =
      disk.FileExists(paths.database + "/CURRENT", rocksdb::IOOptions(), nullptr).ok();
  if (!known->exists && !has_ledger) {
    const auto made = SyncedSlots::open(disk, paths.synced);
    if (!made) return made.error();
  }
  auto opened = open_checked(paths, files, RocksStore::Access::read_write);
  if (!opened) return opened.error();
  if (const auto kept = keep_name(disk, paths.database); !kept) return kept.error();
  if (!opened->checked.cut.empty()) {
    log.warn("the ledger's log was damaged behind the last synced record; cut there",
             {{"damage", opened->checked.cut},
              {"last", static_cast<std::int64_t>(opened->checked.state.last)}});
  }
  Opened result;
  result.checked = std::move(opened->checked);
  LedgerCore& core = result.core;
  core.store = std::move(opened->store);
  core.store->keep_from(result.checked.checkpoint.first);
  auto slots = SyncedSlots::open(disk, paths.synced);
  if (!slots) return slots.error();
  core.slots = std::move(*slots);
  auto rollups = Rollups::open(core.store->db(), core.store->rollups());
  if (!rollups) return rollups.error();
  core.rollups = std::move(*rollups);
  const std::uint64_t last = result.checked.state.last;
  // Sums may have been saved of records that a power loss took.
  if (core.rollups->next_sequence() > last + 1) {
    RollupFeed alone;
    alone.feed(last, [] {});
    alone.begin_rebuild();
    const auto done = core.rebuild(result.checked.checkpoint, alone);
    if (!done) return done.error();
  } else {
    const auto done = catch_up(core, last);
    if (!done) return done.error();
  }
  return result;
}

Result<void> LedgerCore::save_rollups() {
  if (const auto synced = store->sync(); !synced) return synced;
  const auto alone = store->hold_writes();  // a write that fails meanwhile would stop RocksDB
  return rollups->save();
}

Result<void> LedgerCore::rebuild(const Checkpoint& checkpoint, RollupFeed& feed) {
  // Days with pruned records can't be made anew: they stay, and records that are still
  // there but fall into them are in their sums already.
  WallTime from{};
  if (checkpoint.pruned() != 0) {
    const WallTime newest{std::chrono::microseconds(checkpoint.newest_us)};
    from = WallTime(std::chrono::floor<std::chrono::days>(newest)) + std::chrono::days(1);
  }
  const auto forgotten = rollups->forget(from, checkpoint.first);
  if (!forgotten) return forgotten;
  std::uint64_t seen = checkpoint.first - 1;
  for (std::uint64_t newest = 0; !feed.caught_up(seen, newest);) {
    const auto done =
        store->scan(seen + 1, newest, [&](const RecordFacts& facts) { rollups->add(facts); });
    if (!done) return done;
    seen = newest;
  }
  return {};
}

}  // namespace farebox
