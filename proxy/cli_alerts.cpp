// The options of farebox alerts.
#include "proxy/cli_commands.hpp"
#include "proxy/cli_text.hpp"

namespace farebox {

CLI::App* add_alerts(CLI::App& app, Command& command) {
  using Act = AlertsOptions::Act;
  CLI::App* const alerts = app.add_subcommand("alerts", "list, test or acknowledge alerts");
  AlertsOptions& options = command.alerts;
  alerts->footer(kAlertsFooter);
  alerts->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Act act) {
    CLI::App* const sub = alerts->add_subcommand(name, what);
    sub->footer("Examples and exit codes: farebox alerts --help");
    sub->add_flag("--json", options.json, "JSON on a terminal too");
    add_config(*sub, command);
    add_admin_listen(*sub, command);
    sub->callback([&options, act] { options.act = act; });
    return sub;
  };
  add("list", "what fired, who was told of it, and who has seen it", Act::list)
      ->add_flag("--active", options.active, "only what isn't over");
  add("test", "send a test to the channels, and say which of them took it", Act::test)
      ->add_option("--channel", options.channel, "this one only")
      ->type_name("NAME");
  CLI::App* const seen = add("acknowledge", "record that somebody takes care of it", Act::acknowledge);
  seen->add_option("ID", options.id, "as farebox alerts list shows it")->required()->type_name("");
  seen->add_option("--by", options.by, "who")->type_name("NAME");
  seen->add_option("--note", options.note, "what for")->type_name("TEXT");
  return alerts;
}

}  // namespace farebox
