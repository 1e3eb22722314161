// farebox, the program: read the command line, say what is wrong with the settings,
// or serve.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/system/system_error.hpp>
#include <csignal>
#include <cstdio>
#include <functional>

#include "config/base/log.hpp"
#include "config/load.hpp"
#include "proxy/check_command.hpp"
#include "proxy/cli.hpp"
#include "proxy/demo/demo_provider.hpp"
#include "proxy/exit_code.hpp"
#include "proxy/health.hpp"
#include "proxy/machine.hpp"
#include "proxy/no_dump.hpp"
#include "proxy/output.hpp"
#include "proxy/server.hpp"
#include "proxy/version.hpp"
#include "proxy/welcome.hpp"

namespace farebox {
namespace {

std::string config_file(const Command& command) {
  return command.config.empty() ? process_environment()("FAREBOX_CONFIG").value_or("")
                                : command.config;
}

// What is said, without the rules for somebody who serves.
LoadResult read(const Command& command) {
  const Environment environment = process_environment();
  const std::string file = config_file(command);
  LoadResult result = file.empty() ? defaults(environment) : load_file(file, environment);
  apply(command.overrides, "command line", result);
  return result;
}

LoadResult load(const Command& command) {
  LoadResult result = read(command);
  check_whole(result);
  return result;
}

// `load_settings` is called again for a reload.
int serve(const Command& command, const std::function<LoadResult()>& load_settings,
          NoDump& no_dump) {
  const LoadResult result = load_settings();
  if (!result.ok()) {
    print_problems(result);
    return kExitConfig;
  }
  const Settings& settings = result.settings;
  const Mode mode = command.what == Command::What::demo ? Mode::demo : Mode::serve;
  if (settings.debug.dumpable) no_dump.lift();
  no_dump.keep();
  hide_variables(result.secret_variables);
  bound_heaps(worker_count(settings));
  const SystemClock clock;
  Logger log(STDERR_FILENO, static_cast<Level>(settings.log.level),
             settings.log.format == LogFormat::text ? Logger::Format::text : Logger::Format::json,
             clock);
  for (const ConfigProblem& warning : result.warnings) {
    log.warn("configuration", {{"problem", to_line(warning)}});
  }
  const ConfigSource source{config_file(command), [&load_settings] {
                              LoadResult again = load_settings();
                              if (again.ok()) hide_variables(again.secret_variables);
                              return again;
                            }};
  return run_server(settings, source, log, clock, [&](const Addresses& addresses) {
    const bool people = on_terminal() && settings.log.format == LogFormat::text;
    if (mode == Mode::demo || people) {
      say(welcome_text({mode, command.program, addresses}, settings));
    }
  });
}

int demo(const Command& command, NoDump& no_dump) {
  const auto provider = DemoProvider::start();
  if (!provider) return complain({kExitUnavailable, provider.error().context});
  const auto load_pretended = [&] {
    LoadResult result = read(command);
    pretend((*provider)->url(), result);
    if (!result.places.contains("log.format") && ::isatty(STDERR_FILENO) == 1) {
      result.settings.log.format = LogFormat::text;
    }
    check_whole(result);
    // So that a virtual key may be tried, which stands where a provider's would.
    for (ProviderSettings& each : result.settings.providers) {
      each.api_keys.emplace_back("pretended-key-of-the-demo");
    }
    return result;
  };
  return serve(command, load_pretended, no_dump);
}

// A command that isn't `serve` needs some keys alone, those that begin so: it works in a shell
// that hasn't the providers' keys, which are mistakes to `serve`.
bool understood(const LoadResult& result, std::initializer_list<std::string_view> needed) {
  bool readable = result.whole.line == 0;  // else a file that can't be read as YAML
  for (const auto& [key, place] : result.places) {
    readable |= place.line != 0;
    if (!place.broken) continue;
    for (const std::string_view begin : needed) {
      if (key.starts_with(begin)) return false;
    }
  }
  return result.ok() || readable;
}

int ask(const Command& command) {
  const LoadResult result = read(command);
  const bool prices = command.what == Command::What::ledger &&
                      command.ledger.act == LedgerOptions::Act::reprice;
  if (!understood(result, {"data_dir", "admin.", "ledger."}) ||
      (prices && !understood(result, {"prices"}))) {
    print_problems(result);
    return kExitConfig;
  }
  if (command.what == Command::What::usage) return run_usage(result.settings.admin, command.usage);
  if (command.what == Command::What::audit) return run_audit(result.settings.admin, command.audit);
  return run_ledger(result.settings, command.ledger);
}

int keys(const Command& command) {
  const LoadResult result = read(command);
  const bool offline = command.keys.offline;
  if (!understood(result, {"admin."}) || (offline && !understood(result, {"providers", "dialects"}))) {
    print_problems(result);
    return kExitConfig;
  }
  return run_keys(result.settings, command.keys, SystemClock());
}

int budgets(const Command& command) {
  const LoadResult result = read(command);
  if (!understood(result, {"admin."})) {
    print_problems(result);
    return kExitConfig;
  }
  return run_budgets(result.settings.admin, command.budgets, SystemClock());
}

int alerts(const Command& command) {
  const LoadResult result = read(command);
  if (!understood(result, {"admin."})) {
    print_problems(result);
    return kExitConfig;
  }
  return run_alerts(result.settings.admin, command.alerts);
}

int prices(const Command& command) {
  const LoadResult result = read(command);
  if (!understood(result, {"prices"})) {
    print_problems(result);
    return kExitConfig;
  }
  return run_prices(result.settings, command.prices);
}

int count(const Command& command) {
  const LoadResult result = read(command);
  if (!understood(result, {"prices"})) {
    print_problems(result);
    return kExitConfig;
  }
  return run_count(result.settings, command.count);
}

int run(int argc, char** argv, NoDump& no_dump) {
  const Command command = parse_command_line(argc, argv);
  switch (command.what) {
    case Command::What::exit: return command.exit_code;
    case Command::What::check: return run_check(load(command), command.check);
    case Command::What::prices: return prices(command);
    case Command::What::keys: return keys(command);
    case Command::What::budgets: return budgets(command);
    case Command::What::alerts: return alerts(command);
    case Command::What::health: {
      const LoadResult result = read(command);
      return ask_health(result.settings.admin.listen, command.health);
    }
    case Command::What::usage:
    case Command::What::audit:
    case Command::What::ledger: return ask(command);
    case Command::What::bill: {
      const LoadResult result = read(command);
      if (!understood(result, {"prices"})) {
        print_problems(result);
        return kExitConfig;
      }
      return run_bill(result.settings, command.bill);
    }
    case Command::What::count: return count(command);
    case Command::What::serve:
      return serve(command, [&] { return load(command); }, no_dump);
    case Command::What::demo: return demo(command, no_dump);
  }
  return kExitBug;
}

// A file that is opened later would get the number of a closed one of these, and what is said
// would be written into it.
void open_standard_descriptors() {
  int file = -1;
  do {
    file = ::open("/dev/null", O_RDWR);
  } while (file >= 0 && file <= STDERR_FILENO);
  if (file >= 0) ::close(file);
}

// The exit code of what nobody caught.
int tell(const std::exception& uncaught) {
  const auto* const failure = dynamic_cast<const boost::system::system_error*>(&uncaught);
  if (failure != nullptr && failure->code() == boost::system::errc::too_many_files_open) {
    return complain({kExitIo, "too many open files; raise the limit of open files (ulimit -n, or "
                              "LimitNOFILE= of systemd)"});
  }
  std::fprintf(stderr, "farebox: unexpected: %s; please report this as a bug\n", uncaught.what());
  return kExitBug;
}

}  // namespace
}  // namespace farebox

int main(int argc, char** argv) {
  farebox::open_standard_descriptors();
  farebox::NoDump no_dump;  // before anything is read that may be a secret
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(0077);  // what farebox writes is nobody else's business
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is a failed write, not the end
  try {
    return farebox::run(argc, argv, no_dump);
  } catch (const std::exception& bug) {
    return farebox::tell(bug);
  }
}
