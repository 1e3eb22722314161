#include "proxy/audit_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/base/json_writer.hpp"
#include "storage/record_codec.hpp"

namespace farebox {
namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kMostState = 16 * 1024;  // octets of what was there before, or is now
constexpr std::size_t kMostText = 1024;
// Of `audit_before`: there may be changes nobody knew of when it was written. Look for them.
constexpr std::uint64_t kLook = ~std::uint64_t{0};
constexpr std::string_view kKind = "audit", kHead = "head";

void state(JsonWriter& json, std::string_view name, const std::string& text) {
  json.key(name);
  if (text.empty()) {
    json.null();
  } else if (text.size() > kMostState) {
    json.begin_object().key("leftOutOctets").number(std::uint64_t{text.size()}).end_object();
  } else {
    json.raw(text);
  }
}

std::string json_of(const AuditActor& actor, const AuditChange& change) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("action").string(change.action.substr(0, kMostText));
  json.key("target").string(std::string_view(change.target).substr(0, kMostText));
  json.key("actor").string(actor.who);
  json.key("from").string(actor.from);
  state(json, "before", change.before);
  state(json, "after", change.after);
  json.key("reason").string(std::string_view(change.reason).substr(0, kMostText));
  json.end_object();
  return out;
}

}  // namespace

void append_audit(std::string& out, const Record& record) {
  out += fmt::format("{{\"id\":\"{:016x}\",\"time\":\"{}\",", record.sequence, rfc3339(record.time));
  out += std::string_view(record.audit).substr(std::min<std::size_t>(1, record.audit.size()));
}

// The newest change below that sequence, but above `floor`; 0: there is none.
Result<std::uint64_t> AuditLog::newest(std::optional<std::uint64_t> below,
                                       std::uint64_t floor) const {
  RecordFilter filter;
  filter.audits = true;
  while (!below || *below > floor) {
    const auto page = ledger_.records(filter, 1, below);
    if (!page) return page.error();
    if (!page->records.empty()) {
      const std::uint64_t sequence = page->records.front().sequence;
      return sequence > floor ? sequence : 0;
    }
    if (!page->next_below) break;
    below = page->next_below;
  }
  return 0;
}

// What was kept may be old: a crash came before the newest one was noted down.
std::uint64_t AuditLog::head() {
  if (!head_known_) {
    if (const auto kept = documents_.get(kKind, kHead); kept && *kept) {
      const std::string_view text = **kept;
      std::from_chars(text.data(), text.data() + text.size(), head_);
    }
  }
  if (head_known_ && !unsure_) return head_;
  const auto found = newest(std::nullopt, head_);
  if (!found) return kLook;
  head_known_ = true;
  unsure_ = false;
  if (*found != 0) head_ = *found;
  return head_;
}

void AuditLog::keep_head(std::uint64_t sequence) {
  head_ = sequence;
  head_known_ = true;
  unsure_ = false;
  if (const auto kept = documents_.put(kKind, kHead, std::to_string(sequence)); !kept) {
    log_.warn("the place of the newest audit record wasn't noted; it is looked for at the next start",
              {{"why", kept.error().context}});
  }
}

bool AuditLog::write(const Record& record) {
  Turn turn;
  turn.sink = this;
  encode_record(turn.octets, record, HoldId{});
  Turn::Write& write = turn.writes.emplace_back();
  write.what = Turn::What::settle;
  write.size = turn.octets.size();
  {
    const std::lock_guard lock(mutex_);
    if (++ticket_ == 0) ++ticket_;
    write.ticket = ticket_;
    answer_.reset();
  }
  ledger_.submit(std::move(turn));
  std::unique_lock lock(mutex_);
  told_.wait_for(lock, kPatience, [&] { return answer_.has_value(); });
  return answer_ == Committed::written;
}

void AuditLog::committed(std::span<const CommitResult> results) {
  const std::lock_guard lock(mutex_);
  for (const CommitResult& result : results) {
    if (result.ticket != ticket_) continue;
    answer_ = result.committed;
    told_.notify_all();
  }
}

void AuditLog::note(const AuditActor& actor, const AuditChange& change) {
  const std::lock_guard one_at_a_time(working_);
  Record record;
  record.time = clock_.wall_now();
  record.endpoint = "audit";
  record.priced = true;  // it costs nothing
  record.audit = json_of(actor, change);
  record.audit_before = head();
  log_.info("a change was made", {{"action", std::string(change.action)},
                                  {"target", change.target},
                                  {"actor", actor.who},
                                  {"from", actor.from}});
  if (write(record)) {
    const auto found = newest(std::nullopt, head_);
    if (found && *found != 0) return keep_head(*found);
  } else {
    log_.warn("the audit record of a change waits for the ledger",
              {{"action", std::string(change.action)}, {"target", change.target}});
  }
  unsure_ = true;
}

Result<RecordPage> AuditLog::list(std::size_t limit, std::optional<std::uint64_t> below) {
  std::uint64_t next = 0;
  {
    const std::lock_guard one_at_a_time(working_);
    next = head();
  }
  if (next == kLook || (below && next >= *below)) {
    const auto found = newest(below, 0);
    if (!found) return found.error();
    next = *found;
  }
  RecordPage page;
  RecordFilter filter;
  filter.audits = true;
  while (next != 0) {
    if (page.records.size() == limit) {
      page.next_below = next + 1;
      break;
    }
    auto one = ledger_.records(filter, 1, next + 1);
    if (!one) return one.error();
    // Pruned, and so are those before it.
    if (one->records.empty() || one->records.front().sequence != next) break;
    page.records.push_back(std::move(one->records.front()));
    const std::uint64_t before = page.records.back().audit_before;
    if (before != kLook) {
      next = before;
      continue;
    }
    const auto found = newest(next, 0);
    if (!found) return found.error();
    next = *found;
  }
  return page;
}

}  // namespace farebox
