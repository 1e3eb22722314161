#include "proxy/cli.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "proxy/exit_code.hpp"
#include "proxy/version.hpp"

namespace farebox {
namespace {

constexpr const char* kAbout =
    "farebox meters AI API traffic: point OPENAI_BASE_URL, ANTHROPIC_BASE_URL or a Gemini base\n"
    "URL at it, and it counts the tokens and the cost of every request.\n";

constexpr const char* kFooter =
    "Without a command it serves; without a configuration it forwards to the public OpenAI,\n"
    "Anthropic and Gemini endpoints with the caller's own keys.\n\n"
    "  farebox check --config farebox.yaml\n"
    "  farebox --config farebox.yaml\n"
    "  OPENAI_BASE_URL=http://127.0.0.1:4141/v1 your-program\n"
    "  farebox usage --by model --since 24h\n\n"
    "Exit codes: 0 ok, 64 usage, 65 damaged or missing ledger, 69 port taken, store locked or\n"
    "nothing answers, 73 can't create, 74 input or output, 77 permission, 78 configuration.";

constexpr const char* kUsageFooter =
    "Prints a table on a terminal and JSON elsewhere. The running farebox is found at its admin\n"
    "port; where that asks for a token, FAREBOX_ADMIN_TOKEN or admin.token of --config is sent.\n"
    "--by knows model, provider, project, org, user, key, endpoint and outcome, with commas.\n\n"
    "  farebox usage                                    the last 24 hours by model\n"
    "  farebox usage --by project,model --since 30d\n"
    "  farebox usage --granularity day --since 2026-11-01 --until 2026-12-01\n"
    "  farebox usage --records 20 --project search      the newest 20 requests\n"
    "  farebox usage --since 0 --json                   everything, for a program";

constexpr const char* kLedgerFooter =
    "The ledger is below data_dir: that of --data-dir, else of --config, else ./farebox-data.\n"
    "verify, export and backup work beside a running farebox and see one moment of it.\n\n"
    "  farebox ledger verify                            is every record there, is the chain whole?\n"
    "  farebox ledger export --since 30d > month.jsonl\n"
    "  farebox ledger export --format csv --project search --output search.csv\n"
    "  farebox ledger backup /backup/farebox-monday     a whole ledger of its own\n"
    "  farebox ledger restore /backup/farebox-monday --data-dir ./new\n"
    "  farebox ledger verify --repair                   stopped: keep what is sound\n"
    "  farebox ledger rebuild                           the sums anew from the records\n\n"
    "Exit codes: 0 ok, 64 usage, 65 damaged or no ledger, 69 farebox runs (repair, restore) or\n"
    "doesn't answer (rebuild), 73 the target is in use, 74 input or output, 77 permission.";

void add_config(CLI::App& app, Command& command) {
  app.add_option("--config", command.config, "YAML file; else FAREBOX_CONFIG, else defaults")
      ->type_name("FILE");
}

void add_data_dir(CLI::App& app, Command& command) {
  app.add_option("--data-dir", command.overrides.data_dir, "where the store lives [./farebox-data]")
      ->type_name("DIR");
}

void add_admin_listen(CLI::App& app, Command& command) {
  app.add_option("--admin-listen", command.overrides.admin_listen,
                 "admin port to ask [127.0.0.1:4142]")
      ->type_name("ADDR");
}

void add_serve_options(CLI::App& app, Command& command) {
  Overrides& said = command.overrides;
  add_config(app, command);
  app.add_option("--listen", said.listen, "data port [127.0.0.1:4141]")->type_name("ADDR");
  app.add_option("--admin-listen", said.admin_listen, "admin port [127.0.0.1:4142]")
      ->type_name("ADDR");
  add_data_dir(app, command);
  app.add_option("--log-level", said.log_level, "debug, info, warn or error")
      ->type_name("L")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_option("--log-format", said.log_format, "json, or text for people")
      ->type_name("F")
      ->check(CLI::IsMember({"json", "text"}));
}

// The names usage and export filter by.
template <class Options>
void add_filter(CLI::App& app, Options& options) {
  app.add_option("--since", options.since, "24h, 2026-11-01 or an RFC 3339 time")->type_name("T");
  app.add_option("--until", options.until, "the same; exclusive [now]")->type_name("T");
  app.add_option("--project", options.project, "only this project")->type_name("P");
  app.add_option("--model", options.model, "only this model")->type_name("M");
  app.add_option("--provider", options.provider, "only this provider")->type_name("P");
  app.add_option("--user", options.user, "only this user")->type_name("U");
  app.add_option("--key", options.key, "only the virtual key of this name")->type_name("K");
}

CLI::App* add_usage(CLI::App& app, Command& command) {
  CLI::App* const usage =
      app.add_subcommand("usage", "what the running farebox has metered: tokens, cost, errors");
  UsageOptions& options = command.usage;
  usage->footer(kUsageFooter);
  usage->add_option("--by", options.by, "what to group by [model]; none: the total alone")
      ->type_name("NAMES");
  add_filter(*usage, options);
  usage->get_option("--since")->description("24h, 2026-11-01 or an RFC 3339 time [24h]");
  usage->add_option("--granularity", options.granularity, "one line for each hour or day of UTC")
      ->type_name("hour|day");
  usage->add_option("--records", options.records, "show the newest N requests instead of sums")
      ->type_name("N")
      ->check(CLI::Range(1u, 1'000'000u));
  usage->add_flag("--json", options.json, "JSON on a terminal too");
  add_config(*usage, command);
  add_admin_listen(*usage, command);
  return usage;
}

CLI::App* add_ledger(CLI::App& app, Command& command) {
  using Act = LedgerOptions::Act;
  CLI::App* const ledger =
      app.add_subcommand("ledger", "verify, export, back up, restore or rebuild the ledger");
  LedgerOptions& options = command.ledger;
  ledger->footer(kLedgerFooter);
  ledger->require_subcommand(1);
  add_config(*ledger, command);
  add_data_dir(*ledger, command);
  const auto add = [&](const char* name, const char* what, Act act) {
    CLI::App* const sub = ledger->add_subcommand(name, what);
    sub->footer("Examples and exit codes: farebox ledger --help");
    add_config(*sub, command);
    add_data_dir(*sub, command);
    sub->callback([&options, act] { options.act = act; });
    return sub;
  };
  CLI::App* const verify =
      add("verify", "check every record, the chain and the sums; exit 0 or 65", Act::verify);
  verify->add_flag("--json", options.json, "the findings as JSON");
  verify->add_flag("--repair", options.repair,
                   "keep what is sound and set damaged files aside; farebox must be stopped");

  CLI::App* const dump = add("export", "write the records as lines, oldest first", Act::dump);
  dump->add_option_function<std::string>(
          "--format",
          [&options](const std::string& said) {
            using Format = ExportOptions::Format;
            options.dump.format = said == "csv" ? Format::csv : Format::jsonl;
          },
          "jsonl or csv [jsonl]")
      ->type_name("F")
      ->check(CLI::IsMember({"jsonl", "csv"}));
  add_filter(*dump, options.dump);
  dump->add_option("--output", options.dump.output,
                   "a file, written beside its place and then moved there [standard output]")
      ->type_name("FILE");

  CLI::App* const rebuild =
      add("rebuild", "make the sums anew from the records, running or stopped", Act::rebuild);
  add_admin_listen(*rebuild, command);
  add("backup", "copy the whole ledger into a new directory", Act::backup)
      ->add_option("DIR", options.directory, "absent or empty")
      ->required()
      ->type_name("");
  add("restore", "make a backup the ledger of data_dir, which has none", Act::restore)
      ->add_option("DIR", options.directory, "a backup")
      ->required()
      ->type_name("");
  return ledger;
}

}  // namespace

Command parse_command_line(int argc, char** argv) {
  Command command;
  CLI::App app(kAbout, "farebox");
  app.footer(kFooter);
  app.set_version_flag("--version", fmt::format("farebox {} ({})", kVersion, kRevision));
  app.require_subcommand(0, 1);
  add_serve_options(app, command);

  CLI::App* const serve = app.add_subcommand("serve", "serve (the default)");
  add_serve_options(*serve, command);
  CLI::App* const check =
      app.add_subcommand("check", "validate a configuration, print every error, exit 0 or 78");
  add_serve_options(*check, command);
  CLI::App* const health =
      app.add_subcommand("health", "ask the admin port; for probes, exit 0 or 69");
  add_config(*health, command);
  add_admin_listen(*health, command);
  health->add_flag("--ready", command.ready, "ask whether it is ready, not only alive");
  const CLI::App* const usage = add_usage(app, command);
  const CLI::App* const ledger = add_ledger(app, command);

  for (const std::string_view later : {"demo", "count", "keys", "ca"}) {
    if (argc > 1 && later == argv[1]) {
      fmt::print(stderr, "farebox: '{}' is not built yet in this version; see farebox --help\n",
                 later);
      command.what = Command::What::exit;
      command.exit_code = kExitUsage;
      return command;
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& end) {
    command.what = Command::What::exit;
    // Help and version end well; everything else is a usage error.
    command.exit_code = app.exit(end) == 0 ? 0 : kExitUsage;
    return command;
  }
  if (*check) command.what = Command::What::check;
  if (*health) command.what = Command::What::health;
  if (*usage) command.what = Command::What::usage;
  if (*ledger) command.what = Command::What::ledger;
  return command;
}

}  // namespace farebox
