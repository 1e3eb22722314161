// The options of farebox budgets.
#include "proxy/cli_commands.hpp"
#include "proxy/cli_text.hpp"

namespace farebox {

CLI::App* add_budgets(CLI::App& app, Command& command) {
  using Act = BudgetsOptions::Act;
  CLI::App* const budgets =
      app.add_subcommand("budgets", "list, set, remove, top up, override or forecast budgets");
  BudgetsOptions& options = command.budgets;
  budgets->footer(kBudgetsFooter);
  budgets->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Act act) {
    CLI::App* const sub = budgets->add_subcommand(name, what);
    sub->footer("Examples and exit codes: farebox budgets --help");
    sub->add_flag("--json", options.json, "JSON on a terminal too");
    add_config(*sub, command);
    add_admin_listen(*sub, command);
    sub->callback([&options, act] { options.act = act; });
    return sub;
  };
  add("list", "what is spent, held and left of each, and who owns it", Act::list)
      ->add_option("--project", options.project, "only those of this project")
      ->type_name("P");

  CLI::App* const set =
      add("set", "make a budget, or change the one of this scope and period", Act::set);
  set->add_option("--scope", options.scope,
                  "project=search, user=* for each user by itself, all; may be repeated")
      ->required()
      ->type_name("A=B");
  set->add_option("--limit-usd", options.limit_usd, "what may be spent in a period")
      ->required()
      ->type_name("USD");
  one_of(set->add_option("--period", options.period, "how long it lasts [monthly]"),
         {"daily", "weekly", "monthly", "yearly", "total"});
  set->add_option("--limit-tokens", options.limit_tokens, "beside the money [not limited]")->type_name("N");
  set->add_option("--warning", options.warning, "part of the limit to warn at [0.8]")->type_name("PART");
  set->add_option("--critical", options.critical, "the same for critical [0.95]")->type_name("PART");
  set->add_option("--time-zone", options.time_zone, "whose calendar, such as Europe/Berlin [UTC]")
      ->type_name("Z");
  set->add_option("--week-starts", options.week_starts, "[monday]")->type_name("DAY");
  set->add_option("--year-starts", options.year_starts, "first month of the year [january]")
      ->type_name("MONTH");
  set->add_flag("--rollover", options.rollover, "what a period leaves is added to the next");
  one_of(set->add_option("--on-exceeded", options.on_exceeded, "what happens to calls it can't pay [block]"),
         {"block", "audit", "downgrade", "throttle"});
  set->add_option("--downgrade-to", options.downgrade_to, "the cheaper model, with downgrade")
      ->type_name("M");
  set->add_option("--throttle", options.throttle, "requests a minute, with throttle [6]")->type_name("N");
  set->add_option("--name", options.name, "what lists and metrics call it [its scope and period]")
      ->type_name("N");
  set->add_option("--id", options.id, "change this one, its scope and period too")->type_name("ID");

  const auto add_id = [&options](CLI::App* sub) {
    sub->add_option("ID", options.id, "as farebox budgets list shows it")->required()->type_name("");
    return sub;
  };
  add_id(add("remove", "hold nobody to it any more", Act::remove));
  CLI::App* const top_up =
      add_id(add("top-up", "more money in the window that runs", Act::top_up));
  top_up->add_option("--usd", options.usd, "how much more")->required()->type_name("USD");
  CLI::App* const other =
      add_id(add("override", "another limit for a while, or --end of one", Act::override_limit));
  other->add_option("--limit-usd", options.limit_usd, "the limit meanwhile")->type_name("USD");
  other->add_option("--for", options.length, "how long, such as 2h")->type_name("T");
  other->add_flag("--end", options.end, "the usual limit again");
  CLI::App* const forecast =
      add("forecast", "where a budget will end, and how sure that is", Act::forecast);
  forecast->add_option("NAME", options.id, "its name or ID, as farebox budgets list shows it")
      ->type_name("");
  forecast->add_option("--project", options.project, "the budget of this project")->type_name("P");
  one_of(forecast->add_option("--period", options.period, "which one, where there are several"),
         {"daily", "weekly", "monthly", "yearly", "total"});
  forecast->add_option("--scope", options.scope, "user=ann for one value of a \"*\"; may be repeated")
      ->type_name("A=B");
  for (CLI::App* const each : {top_up, other}) {
    each->add_option("--reason", options.reason, "kept with it")->type_name("TEXT");
  }
  return budgets;
}

}  // namespace farebox
