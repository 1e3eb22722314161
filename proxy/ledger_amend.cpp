#include "proxy/ledger_amend.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "config/base/log.hpp"
#include "proxy/admin_client.hpp"
#include "proxy/audit_log.hpp"
#include "proxy/ledger_failure.hpp"
#include "proxy/ledger_place.hpp"
#include "proxy/output.hpp"
#include "proxy/reprice.hpp"
#include "proxy/said_time.hpp"
#include "storage/document_store.hpp"
#include "storage/rocks_ledger.hpp"

namespace farebox {
namespace {

// A long history may take minutes; the admin port answers when it is done.
constexpr std::chrono::hours kAmendTime{6};

// Opens a stopped ledger, lets `amend` add to it, and closes it.
CommandResult<void> amend_stopped(const Settings& settings,
                                  const std::function<Result<void>(Ledger&, AuditLog&)>& amend) {
  {
    // Opening it would settle what a crash left, by whatever configuration is at hand.
    const auto reader = LedgerReader::open(settings.data_dir);
    if (!reader) return ledger_failure(reader.error());
    const auto report = (*reader)->verify();
    if (!report) return ledger_failure(report.error());
    if (report->open_holds != 0 || report->pending != 0) {
      return CommandFailure{kExitUnavailable,
                            "calls were in flight when the last run ended; start farebox once, so "
                            "that they are settled by its configuration, then run this again"};
    }
  }
  RocksLedgerOptions options;
  options.directory = settings.data_dir;
  options.settings = settings.ledger;
  // Whatever the configuration at hand says, no record goes.
  options.settings.retain = std::chrono::hours(24 * 36'500);
  options.settings.max_size = 1ull << 50;
  const SystemClock clock;
  Logger log(STDERR_FILENO, Level::warn, Logger::Format::text, clock);
  auto ledger = RocksLedger::open(std::move(options), log, clock);
  if (!ledger) return ledger_failure(ledger.error());
  const auto documents = make_document_store(settings.data_dir);
  AuditLog audit(**ledger, *documents, clock, log);
  const auto amended = amend(**ledger, audit);
  (*ledger)->close();
  if (!amended) return ledger_failure(amended.error());
  return {};
}

CommandResult<std::string> ask_running(const AdminSettings& admin, std::string target) {
  AdminCall call;
  call.method = "POST";
  call.target = std::move(target);
  call.answer_time = kAmendTime;
  return admin_body(admin, call);
}

// Who has the ledger. While a stopped one is held, no farebox starts.
struct Place {
  bool running = false;
  std::optional<DataDirectory> held;
};

CommandResult<Place> find_place(const std::string& directory) {
  if (const auto looked = look_at_ledger(directory, kGiveDataDir); !looked) return looked.error();
  auto locked = hold_directory(directory, "");
  Place place;
  if (locked) {
    place.held.emplace(std::move(*locked));
  } else if (locked.error().exit_code == kExitUnavailable) {
    place.running = true;
  } else {
    return locked.error();
  }
  return place;
}

CommandResult<std::string> reprice_stopped(const Settings& settings, const RepriceOrder& order) {
  const auto prices = load_prices(settings.prices);
  if (!prices) return CommandFailure{kExitConfig, prices.error().context};
  std::string json;
  const auto done = amend_stopped(settings, [&](Ledger& ledger, AuditLog& audit) -> Result<void> {
    const auto report = reprice(ledger, *prices, settings, SystemClock(), order);
    if (!report) return report.error();
    json = reprice_json(*report, order, prices->version());
    if (!order.dry_run && report->corrected != 0) {
      audit.note({"command line", ""}, {"ledger.reprice", std::string(prices->version()), "", json, ""});
    }
    return {};
  });
  if (!done) return done.error();
  return json;
}

CommandResult<std::string> reprice_running(const AdminSettings& admin, const LedgerOptions& options) {
  std::string target = "/api/ledger/reprice";
  const ExportOptions& filter = options.dump;
  append_query(target, "since", filter.since);
  append_query(target, "until", filter.until);
  append_query(target, "project", filter.project);
  append_query(target, "model", filter.model);
  append_query(target, "provider", filter.provider);
  append_query(target, "user", filter.user);
  append_query(target, "key", filter.key);
  if (options.dry_run) append_query(target, "dryRun", "true");
  return ask_running(admin, std::move(target));
}

// The report for a person.
std::string reprice_text(const std::string& json) {
  const auto report = nlohmann::json::parse(json, nullptr, false);
  if (!report.is_object()) return json + "\n";
  const auto number = [&](const char* key) { return report.value(key, std::uint64_t{0}); };
  std::string text = fmt::format("looked at {} requests with the prices of {}\n", number("looked"),
                                 report.value("priceVersion", ""));
  text += fmt::format("{}: {}, by {} USD in all", report.value("dryRun", false) ? "would be corrected"
                                                                               : "corrected",
                      number("corrected"), report.value("correctionsUsd", ""));
  if (number("firstPriced") != 0) {
    text += fmt::format(" ({} had no price before)", number("firstPriced"));
  }
  text += '\n';
  if (number("unpriced") != 0) {
    text += fmt::format("{} have no price; what they were charged stands\n", number("unpriced"));
  }
  if (number("skipped") != 0) {
    text += fmt::format("{} were charged by their hold, which no price changes\n",
                        number("skipped"));
  }
  return text;
}

}  // namespace

int rebuild_sums(const Settings& settings) {
  const auto place = find_place(settings.data_dir);
  if (!place) return complain(place.error());
  if (place->running) {
    const auto answer = ask_running(settings.admin, "/api/ledger/rebuild");
    if (!answer) return complain(answer.error());
  } else {
    const auto done = amend_stopped(settings, [](Ledger& ledger, AuditLog&) { return ledger.rebuild(); });
    if (!done) return complain(done.error());
  }
  return say(fmt::format("the sums of '{}' were made anew from its records\n", settings.data_dir));
}

int reprice_records(const Settings& settings, const LedgerOptions& options) {
  const auto filter = filter_of(options.dump, SystemClock().wall_now());
  if (!filter) return complain(filter.error());
  if (!filter->since) {
    return complain({kExitUsage, fmt::format("say from when on with --since; {}", kTimeExample)});
  }
  const auto place = find_place(settings.data_dir);
  if (!place) return complain(place.error());
  const auto json = place->running
                        ? reprice_running(settings.admin, options)
                        : reprice_stopped(settings, RepriceOrder{*filter, options.dry_run});
  if (!json) return complain(json.error());
  return say(options.json || !::isatty(STDOUT_FILENO) ? *json + "\n" : reprice_text(*json));
}

}  // namespace farebox
