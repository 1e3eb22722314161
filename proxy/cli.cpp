#include "proxy/cli.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "proxy/version.hpp"

namespace farebox {
namespace {

constexpr int kExitUsage = 64;

constexpr const char* kAbout =
    "farebox meters AI API traffic: point OPENAI_BASE_URL, ANTHROPIC_BASE_URL or a Gemini base\n"
    "URL at it, and it counts the tokens and the cost of every request.\n";

constexpr const char* kFooter =
    "Without a command it serves; without a configuration it forwards to the public OpenAI,\n"
    "Anthropic and Gemini endpoints with the caller's own keys.\n\n"
    "  farebox check --config farebox.yaml\n"
    "  farebox --config farebox.yaml\n"
    "  OPENAI_BASE_URL=http://127.0.0.1:4141/v1 your-program\n"
    "  curl http://127.0.0.1:4142/api/usage?groupBy=model\n\n"
    "Exit codes: 0 ok, 64 usage, 69 port taken or store locked, 73 can't create, 77 permission,\n"
    "78 configuration.";

void add_config(CLI::App& app, Command& command) {
  app.add_option("--config", command.config, "YAML file; else FAREBOX_CONFIG, else defaults")
      ->type_name("FILE");
}

void add_serve_options(CLI::App& app, Command& command) {
  Overrides& said = command.overrides;
  add_config(app, command);
  app.add_option("--listen", said.listen, "data port [127.0.0.1:4141]")->type_name("ADDR");
  app.add_option("--admin-listen", said.admin_listen, "admin port [127.0.0.1:4142]")
      ->type_name("ADDR");
  app.add_option("--data-dir", said.data_dir, "where the store lives [./farebox-data]")
      ->type_name("DIR");
  app.add_option("--log-level", said.log_level, "debug, info, warn or error")
      ->type_name("L")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_option("--log-format", said.log_format, "json, or text for people")
      ->type_name("F")
      ->check(CLI::IsMember({"json", "text"}));
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
  health->add_option("--admin-listen", command.overrides.admin_listen, "admin port to ask")
      ->type_name("ADDR");
  health->add_flag("--ready", command.ready, "ask whether it is ready, not only alive");

  for (const std::string_view later : {"demo", "count", "usage", "keys", "ledger", "ca"}) {
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
  return command;
}

}  // namespace farebox
