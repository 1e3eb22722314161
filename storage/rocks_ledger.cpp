#include "storage/rocks_ledger.hpp"

#include <algorithm>
#include <limits>

#include "storage/committer.hpp"
#include "storage/entry.hpp"
#include "storage/keeper.hpp"
#include "storage/record_codec.hpp"

namespace farebox {
namespace {

// A page that looks for few among many ends after so many records and says where to go on.
constexpr std::uint64_t kMostLookedAt = 200'000;
// How long a question waits for what was told as written a moment ago.
constexpr std::chrono::milliseconds kReadPatience{2'000};
constexpr std::chrono::milliseconds kStatusPatience{100};

Error broken_record(std::uint64_t sequence) {
  return Error(ErrorCode::ledger_damaged, "record " + std::to_string(sequence) + " is broken");
}

}  // namespace

struct RocksLedger::Impl {
  Impl(RocksLedgerOptions said, Logger& logger, const Clock& clock)
      : options(std::move(said)),
        paths(options.directory),
        committer(paths, options.file_system, options.settings, core, logger),
        keeper(paths, options.settings, core, committer, logger, clock, options.prunes_guarded),
        log(logger) {}

  RocksLedgerOptions options;
  LedgerPaths paths;
  SharedCore core;
  Committer committer;
  Keeper keeper;
  Logger& log;
  bool closed = false;
};

Result<std::unique_ptr<RocksLedger>> RocksLedger::open(RocksLedgerOptions options, Logger& log,
                                                       const Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(options), log, clock);
  if (const auto done = impl->committer.open(); !done) return done.error();
  impl->keeper.start();
  return std::unique_ptr<RocksLedger>(new RocksLedger(std::move(impl)));
}

RocksLedger::RocksLedger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RocksLedger::~RocksLedger() { close(); }

HoldId RocksLedger::make_hold_id() { return impl_->committer.make_hold_id(); }

Turn RocksLedger::submit(Turn turn) { return impl_->committer.submit(std::move(turn)); }

LedgerStatus RocksLedger::status() const {
  impl_->committer.flush(kStatusPatience);
  LedgerStatus status = impl_->committer.status();
  // Asking the store is the reader's time, not the committer's.
  const auto octets = impl_->core.read(
      [](LedgerCore& core) -> Result<std::uint64_t> { return core.store->octets(); });
  if (octets) status.octets = *octets;
  return status;
}

void RocksLedger::guard_pruning(PruneGuard guard) { impl_->keeper.guard(std::move(guard)); }

void RocksLedger::adopt(const LedgerSettings& settings) { impl_->keeper.adopt(settings); }

void RocksLedger::close() {
  if (impl_->closed) return;
  impl_->closed = true;
  impl_->keeper.stop();
  impl_->committer.look_after_place();  // once more: what is written to nowhere is lost
  impl_->committer.close();
  const auto saved = impl_->keeper.save(true);
  if (!saved && saved.error().code != ErrorCode::ledger_unavailable) {
    impl_->log.warn("the rollups were not saved; the next start makes them anew",
                    {{"why", saved.error().context}});
  }
  impl_->core.drop();
}

Result<RecordPage> RocksLedger::records(const RecordFilter& filter, std::size_t limit,
                                        std::optional<std::uint64_t> below) const {
  impl_->committer.flush(kReadPatience);
  return impl_->core.read([&](LedgerCore& core) -> Result<RecordPage> {
    RecordPage page;
    rocksdb::DB& db = core.store->db();
    const std::unique_ptr<rocksdb::Iterator> at(
        db.NewIterator(rocksdb::ReadOptions(), &core.store->records()));
    if (below && *below == 0) return page;
    if (below) {
      at->SeekForPrev(NumberKey(*below - 1).view());
    } else {
      at->SeekToLast();
    }
    const std::uint64_t first = impl_->committer.checkpoint().first;
    for (std::uint64_t looked = 0; at->Valid(); at->Prev(), ++looked) {
      const std::string_view key = at->key().ToStringView();
      const std::uint64_t sequence = number_of(key);
      if (sequence < first) break;  // pruned, and not compacted yet
      SealedRecord record;
      RecordFacts facts;
      if (open_record(key, at->value().ToStringView(), record) != Seal::good ||
          !decode_facts(record.payload, facts)) {
        return broken_record(sequence);
      }
      facts.sequence = sequence;
      if (!filter.admits(facts)) {
        if (looked < kMostLookedAt) continue;
        page.next_below = sequence;
        break;
      }
      if (page.records.size() == limit) {
        page.next_below = sequence + 1;
        break;
      }
      Record& row = page.records.emplace_back();
      if (!decode_record(record.payload, row)) return broken_record(sequence);
      row.sequence = sequence;
    }
    if (!at->status().ok()) return store_error(at->status(), "read the ledger");
    return page;
  });
}

Result<UsageReport> RocksLedger::usage(const UsageQuery& query) const {
  impl_->committer.flush(kReadPatience);
  return impl_->core.read([&](LedgerCore& core) -> Result<UsageReport> {
    return core.rollups->usage(query, [&](std::uint64_t first, std::uint64_t last,
                                          const Rollups::Visit& visit) {
      return core.store->scan(first, last, visit);
    });
  });
}

Result<void> RocksLedger::scan(std::uint64_t first, const Visit& visit) const {
  return scan_part(first, std::numeric_limits<std::uint64_t>::max(), visit);
}

Result<void> RocksLedger::scan_part(std::uint64_t first, std::uint64_t end,
                                    const Visit& visit) const {
  impl_->committer.flush(kReadPatience);
  return impl_->core.read([&](LedgerCore& core) -> Result<void> {
    std::uint64_t broken = 0;
    const std::uint64_t from = std::max(first, impl_->committer.checkpoint().first);
    const auto look = [&](std::string_view key, std::string_view octets) {
      SealedRecord sealed;
      Record record;
      record.sequence = number_of(key);
      if (record.sequence >= end) return false;
      if (open_record(key, octets, sealed) != Seal::good || !decode_record(sealed.payload, record)) {
        broken = record.sequence;
        return false;
      }
      visit(record);
      return true;
    };
    const auto done = core.store->for_each(core.store->records(), from, look);
    if (done && broken != 0) return broken_record(broken);
    return done;
  });
}

Result<void> RocksLedger::open_holds(const Visit& visit) const {
  impl_->committer.flush(kReadPatience);
  return impl_->core.read([&](LedgerCore& core) -> Result<void> {
    std::uint64_t broken = 0;
    const auto look = [&](std::string_view key, std::string_view octets) {
      std::string_view payload;
      Record draft;
      if (open_sealed(key, octets, payload) != Seal::good || !decode_record(payload, draft)) {
        broken = number_of(key);
        return false;
      }
      visit(draft);
      return true;
    };
    const auto done = core.store->for_each(core.store->holds(), 0, look);
    if (done && broken != 0) {
      return Error(ErrorCode::ledger_damaged, "hold " + std::to_string(broken) + " is broken");
    }
    return done;
  });
}

Result<void> RocksLedger::rebuild() {
  return impl_->core.read([&](LedgerCore& core) -> Result<void> {
    RollupFeed& feed = impl_->core.feed();
    if (!feed.begin_rebuild()) {
      return Error(ErrorCode::ledger_unavailable, "the rollups are being made anew already");
    }
    const auto done = core.rebuild(impl_->committer.checkpoint(), feed);
    feed.end_rebuild();
    if (!done) return done;
    return core.save_rollups();
  });
}

}  // namespace farebox
