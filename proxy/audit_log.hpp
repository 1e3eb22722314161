// AuditLog: who changed what, and when. Each change of a key, a budget, the configuration or
// prices is a record in the ledger's own chain, so that none can be taken out unseen.
//
// Thread-safe. Waits for the ledger, so never from a worker.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/base/log.hpp"
#include "storage/document_store.hpp"
#include "storage/ledger.hpp"

namespace farebox {

// Who asked, and from where: "admin" by the admin port's token, "loopback" where it has none,
// "signal", "config file" (it was changed before a start), "command line" (of a stopped farebox).
struct AuditActor {
  std::string who;
  std::string from;  // an address; empty: this machine
};

struct AuditChange {
  std::string_view action;  // "budget.put", "key.revoke"; lives as long as the program
  std::string target;       // what it was done to: an id or a name
  // JSON of what was there before and is there now; empty: nothing. No secrets.
  std::string before, after;
  std::string reason;       // as whoever asked gives it
};

class AuditLog final : public CommitSink {
 public:
  // All must outlive it, and the ledger must be closed before it goes.
  AuditLog(Ledger& ledger, DocumentStore& documents, const Clock& clock, Logger& log)
      : ledger_(ledger), documents_(documents), clock_(clock), log_(log) {}

  // A ledger that can't write now keeps it in its queue as it keeps settlements; that it isn't
  // written yet is logged.
  void note(const AuditActor& actor, const AuditChange& change);

  // Newest first, below that sequence. Errors: the ledger's.
  Result<RecordPage> list(std::size_t limit, std::optional<std::uint64_t> below);

  void committed(std::span<const CommitResult> results) override;

 private:
  Result<std::uint64_t> newest(std::optional<std::uint64_t> below, std::uint64_t floor) const;
  std::uint64_t head();
  void keep_head(std::uint64_t sequence);
  bool write(const Record& record);

  Ledger& ledger_;
  DocumentStore& documents_;
  const Clock& clock_;
  Logger& log_;

  std::mutex working_;         // one change at a time; of the next three
  bool head_known_ = false;
  std::uint64_t head_ = 0;     // the newest change; 0: none
  bool unsure_ = false;        // one may have been written behind it

  std::mutex mutex_;           // of the rest
  std::condition_variable told_;
  std::uint32_t ticket_ = 0;
  std::optional<Committed> answer_;  // of that ticket
};

// The JSON of a record that `list` gave, as GET /api/audit shows it.
void append_audit(std::string& out, const Record& record);

}  // namespace farebox
