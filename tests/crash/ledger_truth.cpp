// What must be in a ledger after a crash, given what was said before it.
#include "tests/crash/ledger_truth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace farebox::testing {
namespace {

std::int64_t cost_of(const Record& record) {
  return record.priced ? static_cast<std::int64_t>(record.cost.picodollars()) : kUnpriced;
}

// Most records are small; some pass the 32 KiB blocks of RocksDB's log.
std::size_t padding_of(std::uint64_t call) {
  const std::uint64_t dice = mix(call, 17);
  if (dice % 64 == 0) return dice / 64 % 40'000;
  return dice / 64 % 300;
}

}  // namespace

std::string request_id_of(std::uint64_t call) { return fmt::format("call-{:012x}", call); }

std::optional<std::uint64_t> call_of(const std::string& request_id) {
  std::uint64_t call = 0;
  if (!request_id.starts_with("call-")) return std::nullopt;
  const char* const end = request_id.data() + request_id.size();
  const auto read = std::from_chars(request_id.data() + 5, end, call, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return call;
}

Record record_of(std::uint64_t call, std::int64_t cost, Outcome outcome, WallTime time) {
  Record record;
  record.time = time;
  record.request_id = request_id_of(call);
  record.provider = call % 3 == 0 ? "anthropic" : "openai";
  record.dialect = record.provider;
  record.endpoint = "chat.completions";
  record.model = record.requested_model = fmt::format("m{}", call % 5);
  record.project = fmt::format("p{}", call % 7);
  record.user = fmt::format("u{}", call % 11);
  record.outcome = outcome;
  record.metered = true;
  record.priced = cost != kUnpriced;
  if (record.priced) record.cost = Money::picodollars(cost);
  record.usage.source = UsageSource::reported;
  record.usage.input = call % 1000;
  record.usage.output = call % 77;
  record.price_version = "test";
  const std::size_t padding = padding_of(call);
  std::string text;
  while (text.size() < padding) text += fmt::format("{:x} ", mix(call, text.size()));
  text.resize(padding);
  if (padding > 0) record.tags["padding"] = std::move(text);
  return record;
}

void Truth::Findings::add(const Findings& more) {
  acknowledged += more.acknowledged;
  lost += more.lost;
  doubled += more.doubled;
  ghosts += more.ghosts;
  records = more.records;
  oldest_lost_us = std::max(oldest_lost_us, more.oldest_lost_us);
}

Truth::Truth(const Truth& other)
    : calls_(other.calls_),
      holds_(other.holds_),
      wrong_answers_(other.wrong_answers_),
      order_(other.order_),
      round_(other.round_),
      frozen_(other.frozen_),
      end_us_(other.end_us_) {}

Truth::Stamp Truth::stamp() { return {++order_, round_.us()}; }

void Truth::note(const Event& event) {
  const std::lock_guard lock(mutex_);
  using What = Event::What;
  if (event.what == What::opened) return;
  if (event.what == What::answered_wrongly) {
    wrong_answers_.push_back(fmt::format("a wrong answer, for call {:x}", event.call));
    return;
  }
  Call& call = calls_[event.call];
  const bool answer = event.what == What::draft_written || event.what == What::draft_refused ||
                      event.what == What::settle_written || event.what == What::settle_queued ||
                      event.what == What::release_written;
  if (answer && frozen_) return;
  switch (event.what) {
    case What::draft_submitted:
      if (event.draft == 0 && event.hold != 0 && !holds_.insert(event.hold).second) {
        wrong_answers_.push_back(fmt::format("hold id {:x} was made twice", event.hold));
      }
      call.drafts.push_back({event.cost, {}, false});
      break;
    case What::draft_written: call.drafts[event.draft].written = stamp(); break;
    case What::draft_refused: call.drafts[event.draft].refused = true; break;
    case What::settle_submitted:
      if (!call.settle_submitted) call.settle_submitted = stamp();
      call.settle_cost = event.cost;
      break;
    case What::settle_written:
      if (!call.settle_written) call.settle_written = stamp();
      if (event.turn != 0 && call.settle_turn == 0) call.settle_turn = event.turn;
      // Copies that changed nothing may say 0; two different numbers are two records.
      if (event.sequence == 0) break;
      if (call.settle_sequence != 0 && call.settle_sequence != event.sequence) {
        wrong_answers_.push_back(fmt::format("call {:x} settled as {} and as {}", event.call,
                                             call.settle_sequence, event.sequence));
      }
      call.settle_sequence = event.sequence;
      break;
    case What::settle_queued: call.settle_queued = true; break;
    case What::release_submitted: call.released = true; break;
    case What::release_written: call.release_written = stamp(); break;
    default: break;
  }
}

bool Truth::is_synced(const Call& call, const Promise& promise) {
  return (call.settle_sequence != 0 && call.settle_sequence <= promise.synced) ||
         (call.settle_turn != 0 && call.settle_turn <= promise.synced_turn);
}

void Truth::freeze() {
  const std::lock_guard lock(mutex_);
  frozen_ = true;
  end_us_ = round_.us();
}

void Truth::thaw() {
  const std::lock_guard lock(mutex_);
  frozen_ = false;
  round_ = Stopwatch();
}

std::uint64_t Truth::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_.size();
}

std::vector<std::uint64_t> Truth::open_calls() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> open;
  for (const auto& [number, call] : calls_) {
    if (call.over || call.released || call.settle_submitted || call.drafts.empty()) continue;
    if (call.drafts[0].written) open.push_back(number);
  }
  return open;
}

// Judges one call by what was found of it.
struct Truth::Judge {
  Promise promise;
  Refused refused;
  std::uint64_t covered;  // stamps below are promised
  std::uint64_t end_us;
  Findings& findings;
  Breaks& breaks;

  bool promised(const Stamp& stamp) const {
    return stamp && (promise.all || stamp.order < covered);
  }
  bool promised_settle(const Call& call) const {
    if (promise.queued && call.settle_queued) return true;
    if (!call.settle_written) return false;
    return promise.all || is_synced(call, promise);
  }
  void missing(const Stamp& stamp) const {
    if (stamp) findings.oldest_lost_us = std::max(findings.oldest_lost_us, end_us - stamp.us);
  }

  // How the hold alone may be found: with the newest draft that is promised, or a later one.
  // A growth that was refused while nobody knew whether it was written may stay: the call
  // goes on within it, and the draft before it is gone.
  bool possible_draft(const Call& call, std::int64_t cost) const {
    bool possible = false;
    for (const Draft& draft : call.drafts) {
      if (promised(draft.written)) possible = false;
      const bool grown = &draft != &call.drafts.front();
      if (draft.cost == cost &&
          (!draft.refused || grown || refused == Refused::may_be_charged)) {
        possible = true;
      }
    }
    return possible;
  }

  void judge(std::uint64_t number, const Call& call, const std::optional<Found>& found) const {
    const std::string name = "call " + request_id_of(number);
    if (call.over) {
      if (found != call.found) breaks.add(name + " was settled in an earlier round, now differs");
      if (!found && call.found) ++findings.lost;
      return;
    }
    const bool settled = promised_settle(call);
    const bool held = !call.drafts.empty() && promised(call.drafts[0].written);
    if (settled || held) ++findings.acknowledged;
    // A copy changed nothing; the first one's number is unknown only if that had to wait.
    if (call.settle_written && call.settle_sequence == 0 && call.settle_turn == 0 &&
        !call.settle_queued) {
      breaks.add(name + ": its settlement was written without a sequence or a turn");
    }
    if (!found) {
      missing(call.settle_written);
      if (!call.drafts.empty() && !call.released) missing(call.drafts[0].written);
      if (settled || (held && !call.released)) {
        ++findings.lost;
        breaks.add(name + (settled ? ": its settlement is lost" : ": its hold is lost"));
      }
      return;
    }
    if (found->outcome == Outcome::ok) {
      if (!call.settle_submitted || found->cost != call.settle_cost) {
        breaks.add(fmt::format("{}: a record of {} that nobody submitted", name, found->cost));
      }
      return;
    }
    missing(call.settle_written);
    if (found->outcome != Outcome::crashed) {
      breaks.add(name + ": ended as " + std::string(farebox::name_of(found->outcome)));
    } else if (settled) {
      ++findings.lost;
      breaks.add(name + ": its settlement is lost, the hold was charged");
    } else if (promised(call.release_written)) {
      breaks.add(name + ": its hold was released and charged all the same");
    } else if (!call.drafts.empty() && call.drafts[0].refused &&
               refused == Refused::never_charged) {
      breaks.add(name + ": its hold was refused and charged all the same");
    } else if (!possible_draft(call, found->cost)) {
      breaks.add(fmt::format("{}: charged with {}, which no draft says that could be left", name,
                             found->cost));
    } else if (!call.drafts.empty() && call.drafts[0].refused) {
      ++findings.ghosts;
    }
  }
};

Truth::Findings Truth::check(const std::vector<Record>& records, const Promise& promise,
                             Refused refused, Breaks& breaks) {
  const std::lock_guard lock(mutex_);
  Findings findings;
  findings.records = records.size();
  for (const std::string& wrong : wrong_answers_) breaks.add(wrong);
  wrong_answers_.clear();

  std::unordered_map<std::uint64_t, Found> found;
  for (const Record& record : records) {
    const auto number = call_of(record.request_id);
    const auto call = number ? calls_.find(*number) : calls_.end();
    if (call == calls_.end()) {
      breaks.add("a record nobody submitted: " + record.request_id);
      continue;
    }
    if (!found.emplace(*number, Found{record.outcome, cost_of(record)}).second) {
      ++findings.doubled;
      breaks.add("two records of " + record.request_id);
    }
    Record expected = record_of(*number, 0, record.outcome, record.time);
    if (record.user != expected.user || record.tags != expected.tags) {
      breaks.add("the text of " + record.request_id + " changed");
    }
    if (record.outcome == Outcome::ok && call->second.settle_sequence != 0 &&
        call->second.settle_sequence != record.sequence) {
      breaks.add(fmt::format("{} is record {}, was acknowledged as {}", record.request_id,
                             record.sequence, call->second.settle_sequence));
    }
  }

  // A settlement that is on the disk has what was acknowledged before it was submitted
  // on the disk too: the log is one.
  std::uint64_t covered = 0;
  for (const auto& [number, call] : calls_) {
    if (call.over || !is_synced(call, promise)) continue;
    covered = std::max(covered, call.settle_submitted.order);
  }
  const Judge judge{promise, refused, covered, end_us_, findings, breaks};
  for (auto& [number, call] : calls_) {
    const auto here = found.find(number);
    std::optional<Found> what;
    if (here != found.end()) what = here->second;
    judge.judge(number, call, what);
    call.over = true;
    call.found = what;
  }
  return findings;
}

Result<std::vector<Record>> read_all(const Ledger& ledger) {
  std::vector<Record> all;
  std::optional<std::uint64_t> below;
  do {
    auto page = ledger.records({}, 500, below);
    if (!page) return page.error();
    for (Record& record : page->records) all.push_back(std::move(record));
    below = page->next_below;
  } while (below);
  return all;
}

void check_sums(const Ledger& ledger, const std::vector<Record>& records, Breaks& breaks) {
  for (std::size_t i = 1; i < records.size(); ++i) {
    if (records[i].sequence + 1 != records[i - 1].sequence) {
      breaks.add(fmt::format("record {} follows {}", records[i - 1].sequence,
                             records[i].sequence));
    }
  }
  const LedgerStatus status = ledger.status();
  if (status.open_holds != 0 || status.held != Money()) {
    breaks.add(fmt::format("{} holds are open, {} held", status.open_holds,
                           status.held.decimal()));
  }
  if (status.last != (records.empty() ? 0 : records.front().sequence)) {
    breaks.add(fmt::format("status says the last record is {}", status.last));
  }
  UsageSums sums;
  for (const Record& record : records) sums.add(facts_of(record));
  const auto usage = ledger.usage({});
  if (!usage) {
    breaks.add("usage: " + usage.error().context);
  } else if (!(usage->total == sums)) {
    breaks.add(fmt::format("usage says {} requests and {} USD, the records {} and {}",
                           usage->total.requests, usage->total.cost.decimal(), sums.requests,
                           sums.cost.decimal()));
  }
}

}  // namespace farebox::testing
