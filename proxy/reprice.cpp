#include "proxy/reprice.hpp"

#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/base/json_writer.hpp"
#include "config/price_place.hpp"
#include "policy/price_factor.hpp"
#include "proxy/charge.hpp"
#include "storage/record_codec.hpp"

namespace farebox {
namespace {

constexpr std::size_t kPage = 1'000;
constexpr std::chrono::seconds kWriteTime{60};

// The provider as it is configured now, or as the record knows it.
ProviderSettings provider_of(const Record& record, const Settings& settings) {
  for (const ProviderSettings& provider : settings.providers) {
    if (provider.name == record.provider) return provider;
  }
  ProviderSettings gone;
  gone.name = record.provider;
  for (const DialectName name :
       {DialectName::anthropic, DialectName::gemini, DialectName::azure, DialectName::mistral,
        DialectName::cohere, DialectName::bedrock, DialectName::ollama}) {
    if (name_of(name) == record.dialect) gone.dialect = name;
  }
  return gone;
}

Usage usage_of(const Record& record) {
  Usage usage = record.usage;
  for (const ExtraRecord& row : record.extras) {
    UsageExtra& extra = usage.extras.emplace_back();
    extra.type = row.type;
    if (row.model != record.model) extra.model = row.model;
    extra.input = row.input;
    extra.output = row.output;
    extra.cached_input = row.cached_input;
    extra.cache_write = row.cache_write;
    extra.cache_write_1h = row.cache_write_1h;
    extra.count = row.count;
  }
  return usage;
}

// The record as it would be charged now.
Record charged_again(const Record& record, const PriceTable& prices, const Settings& settings) {
  Record again = record;
  again.usage = usage_of(record);
  again.estimated_by = Estimates();
  again.price_factor = price_factor(settings.prices.adjust, record.provider, record.key_name);
  again.price_version = prices.version();
  const ProviderSettings provider = provider_of(record, settings);
  const PriceContext context{.table = prices,
                             .provider = record.provider,
                             .dialect = provider.dialect,
                             .place = price_place(provider, {}),
                             .when = record.time,
                             .factor = again.price_factor};
  charge(again, match_answer(context, record.model, record.requested_model), context);
  return again;
}

// Nothing was used, or what was charged isn't a price: a true zero, or the amount of a hold.
bool has_no_price(const Record& record) {
  return record.usage.source == UsageSource::none || record.outcome == Outcome::crashed ||
         record.estimated_by.has(Estimate::held_amount);
}

// What tries before the last one were charged: a record keeps no usage of theirs.
Money of_earlier_tries(const Record& record) {
  Money sum;
  for (std::size_t i = 0; i + 1 < record.attempts.size(); ++i) sum += record.attempts[i].cost;
  return sum;
}

Record correction_of(const Record& record, const Record& again, Money difference, WallTime now) {
  Record correction;
  correction.time = record.time;
  correction.request_id = record.request_id;
  correction.provider = record.provider;
  correction.dialect = record.dialect;
  correction.endpoint = record.endpoint;
  correction.model = record.model;
  correction.requested_model = record.requested_model;
  correction.key_name = record.key_name;
  correction.org = record.org;
  correction.project = record.project;
  correction.user = record.user;
  correction.tags = record.tags;
  correction.stream = record.stream;
  correction.status = record.status;
  correction.outcome = record.outcome;
  correction.metered = true;  // its counts are true zeros
  correction.cost = difference;
  correction.priced = true;
  correction.estimated = again.estimated;
  correction.estimated_by = again.estimated_by;
  correction.price_version = again.price_version;
  correction.price_factor = again.price_factor;
  correction.corrects = record.sequence;
  correction.corrected_at = now;
  return correction;
}

// Hands corrections over and waits until the ledger has them.
class Writer final : public CommitSink {
 public:
  explicit Writer(Ledger& ledger) : ledger_(ledger) {}

  Result<void> write(const std::vector<Record>& corrections) {
    if (corrections.empty()) return {};
    Turn turn;
    turn.sink = this;
    for (const Record& correction : corrections) {
      Turn::Write& write = turn.writes.emplace_back();
      write.what = Turn::What::settle;
      write.ticket = static_cast<std::uint32_t>(turn.writes.size());
      write.offset = turn.octets.size();
      encode_record(turn.octets, correction, HoldId());
      write.size = turn.octets.size() - write.offset;
    }
    waiting_ = corrections.size();
    ledger_.submit(std::move(turn));
    // The ledger tells this object until it has answered or is closed: no end before that.
    std::unique_lock lock(mutex_);
    while (!told_.wait_for(lock, kWriteTime, [this] { return waiting_ == 0; })) {
    }
    if (!queued_) return {};
    return Error(ErrorCode::ledger_unavailable, Fault::self, Retry::yes,
                 "the ledger's disk failed; what is queued will be written when it is back, "
                 "then reprice again");
  }

  void committed(std::span<const CommitResult> results) override {
    const std::lock_guard lock(mutex_);
    for (const CommitResult& result : results) {
      --waiting_;
      if (result.committed != Committed::written) queued_ = true;
    }
    told_.notify_one();
  }

 private:
  Ledger& ledger_;
  std::mutex mutex_;
  std::condition_variable told_;
  std::size_t waiting_ = 0;
  bool queued_ = false;
};

}  // namespace

Result<RepriceReport> reprice(Ledger& ledger, const PriceTable& prices, const Settings& settings,
                              const Clock& clock, const RepriceOrder& order) {
  RepriceReport report;
  Writer writer(ledger);
  // Corrections are dated like what they correct and written after it, so newest first they
  // come before it.
  std::unordered_map<std::uint64_t, Money> corrected;
  std::vector<Record> corrections;
  for (std::optional<std::uint64_t> below;;) {
    const auto page = ledger.records(order.filter, kPage, below);
    if (!page) return page.error();
    for (const Record& record : page->records) {
      if (record.corrects != 0) {
        corrected[record.corrects] += record.cost;
        continue;
      }
      if (!record.metered) continue;
      if (has_no_price(record)) {
        if (record.cost != Money() || !record.priced) ++report.skipped;
        continue;
      }
      ++report.looked;
      const Record again = charged_again(record, prices, settings);
      if (!again.priced) {
        ++report.unpriced;
        continue;
      }
      Money charged = record.priced ? record.cost : Money();
      bool had_price = record.priced;
      if (const auto before = corrected.find(record.sequence); before != corrected.end()) {
        charged += before->second;
        had_price = true;
      }
      const Money difference = again.cost + of_earlier_tries(record) - charged;
      if (difference == Money() && had_price) continue;
      ++report.corrected;
      if (!had_price) ++report.first_priced;
      report.difference += difference;
      if (order.dry_run) continue;
      corrections.push_back(correction_of(record, again, difference, clock.wall_now()));
    }
    if (const auto written = writer.write(corrections); !written) return written.error();
    corrections.clear();
    if (!page->next_below) break;
    below = page->next_below;
  }
  return report;
}

std::string reprice_json(const RepriceReport& report, const RepriceOrder& order,
                         std::string_view price_version) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("dryRun").boolean(order.dry_run);
  json.key("looked").number(report.looked);
  json.key("corrected").number(report.corrected);
  json.key("firstPriced").number(report.first_priced);
  json.key("unpriced").number(report.unpriced);
  json.key("skipped").number(report.skipped);
  json.key("correctionsUsd").string(report.difference.decimal());
  json.key("priceVersion").string(price_version);
  json.end_object();
  return out;
}

}  // namespace farebox
