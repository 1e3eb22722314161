#include "proxy/reloader.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "config/changes.hpp"
#include "proxy/configuration_state.hpp"

namespace farebox {
namespace {

std::vector<std::string> lines_of(const std::vector<ConfigProblem>& problems) {
  std::vector<std::string> lines;
  for (const ConfigProblem& problem : problems) lines.push_back(to_line(problem));
  return lines;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

void add(std::vector<std::string>& keys, const std::string& key) {
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
}

// What changed behind an unchanged key: the content of a file it names.
void add_changed_files(const Configuration& old, const Configuration& next,
                       std::vector<std::string>& changed) {
  for (const auto& provider : next.providers) {
    const auto same = std::find(old.providers.begin(), old.providers.end(), provider);
    if (same == old.providers.end()) add(changed, "providers." + provider->settings.name);
  }
  if (old.prices.version() != next.prices.version()) add(changed, "prices");
  if (old.tls && next.tls && !(old.tls->stamps() == next.tls->stamps())) add(changed, "tls");
}

// To a start that is a file with all defaults; to a reload, an accident.
bool says_nothing(const std::string& file, const LoadResult& result) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return true;
  return result.ok() && std::none_of(result.places.begin(), result.places.end(),
                                     [](const auto& place) { return place.second.line != 0; });
}

}  // namespace

std::optional<AuditChange> change_of(const ReloadReport& report) {
  const bool changed = report.outcome == ReloadReport::Outcome::applied && !report.changed.empty();
  if (!changed) return std::nullopt;
  return AuditChange{"config.reload", joined(report.changed), report.before, report.after, {}};
}

Reloader::Reloader(ConfigSource source, std::shared_ptr<const Configuration> first, Give give,
                   Logger& log, const Clock& clock)
    : source_(std::move(source)),
      give_(std::move(give)),
      log_(log),
      clock_(clock),
      current_(std::move(first)),
      read_(FileStamp::of(source_.file)),
      looked_(read_) {
  status_.last_success = clock_.wall_now();
}

std::shared_ptr<const Configuration> Reloader::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

ReloadStatus Reloader::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Reloader::adopt(std::shared_ptr<const Configuration> next) {
  {
    const std::lock_guard lock(mutex_);
    current_ = next;
  }
  give_(std::move(next));
}

std::optional<ReloadReport> Reloader::look_at_file() {
  if (!current()->settings.watch_config) return std::nullopt;
  {
    const std::lock_guard lock(working_);
    const FileStamp now = FileStamp::of(source_.file);
    const bool rests = now == std::exchange(looked_, now);
    // One that is gone may be on its way.
    if (now == read_ || !rests || now == FileStamp()) return std::nullopt;
  }
  return reload("watch_config");
}

ReloadReport Reloader::reload(std::string_view asked_by) {
  const std::lock_guard one_at_a_time(working_);
  ReloadReport report;
  read_ = FileStamp::of(source_.file);
  if (!source_.file.empty()) report = attempt();
  {
    const std::lock_guard lock(mutex_);
    if (report.outcome == ReloadReport::Outcome::applied) {
      ++status_.applied;
      status_.last_successful = true;
      status_.last_success = clock_.wall_now();
    } else if (report.outcome == ReloadReport::Outcome::refused) {
      ++status_.refused;
      status_.last_successful = false;
    }
  }
  tell(report, asked_by);
  return report;
}

ReloadReport Reloader::attempt() {
  ReloadReport report;
  report.outcome = ReloadReport::Outcome::refused;
  const auto old = current();
  LoadResult result = source_.load();
  if (says_nothing(source_.file, result)) {
    result.errors.push_back({source_.file, 0, "it is empty or no regular file, as one is that is "
                             "being written; nothing was changed; write it beside its place and "
                             "move it there", false});
  }
  report.warnings = lines_of(result.warnings);
  if (result.ok()) {
    Changes changes = settle_changes(old->settings, result.settings);
    report.changed = std::move(changes.applied);
    report.needs_restart = std::move(changes.needs_restart);
    // What can't change stays, and the rest must be right beside it: keys of our own behind
    // an address that is open to all would be an open relay.
    check_whole(result);
  }
  report.problems = lines_of(result.errors);
  if (!result.ok()) return report;
  auto next = Configuration::make(std::move(result.settings), old.get());
  if (!next) {
    report.problems.push_back(to_line({result.whole.file, 0, next.error().context, false}));
    return report;
  }
  add_changed_files(*old, **next, report.changed);
  report.before = configuration_state(*old);
  report.after = configuration_state(**next);
  report.outcome = ReloadReport::Outcome::applied;
  adopt(std::move(*next));
  return report;
}

void Reloader::tell(const ReloadReport& report, std::string_view asked_by) {
  switch (report.outcome) {
    case ReloadReport::Outcome::no_file:
      log_.warn("nothing to reload: farebox was started without --config", {{"by", asked_by}});
      return;
    case ReloadReport::Outcome::refused:
      log_.error("the configuration was not reloaded; the old one goes on",
                 {{"by", asked_by},
                  {"problems", static_cast<std::int64_t>(report.problems.size())}});
      for (const std::string& problem : report.problems) {
        log_.error("configuration", {{"problem", problem}});
      }
      return;
    case ReloadReport::Outcome::applied: break;
  }
  for (const std::string& warning : report.warnings) {
    log_.warn("configuration", {{"problem", warning}});
  }
  if (!report.needs_restart.empty()) {
    const std::string keys = joined(report.needs_restart);
    log_.warn("needs a restart", {{"keys", keys}});
  }
  const std::string changed = joined(report.changed);
  log_.info("the configuration was reloaded", {{"by", asked_by}, {"changed", changed}});
}

void Reloader::look_at_certificate() {
  const std::lock_guard one_at_a_time(working_);
  const auto old = current();
  if (!old->tls) return;
  const auto stamps = TlsServer::Stamps::of(old->settings.tls);
  if (stamps == old->tls->stamps() || stamps == refused_) return;
  auto next = TlsServer::create(old->settings.tls);
  if (!next) {
    refused_ = stamps;
    log_.error("the certificate on the disk can't be used; the old one goes on",
               {{"why", next.error().context}});
    return;
  }
  log_.info("the certificate was reloaded", {{"notAfter", rfc3339((*next)->not_after())}});
  adopt(old->with(std::move(*next)));
}

}  // namespace farebox
