// The commands of the program, each with its options.
#include "proxy/cli_commands.hpp"

#include <fmt/format.h>

#include "config/encoding.hpp"
#include "proxy/cli_text.hpp"

namespace farebox {
namespace {

void add_data_dir(CLI::App& app, Command& command) {
  app.add_option("--data-dir", command.overrides.data_dir, "where the store lives [./farebox-data]")
      ->type_name("DIR");
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

}  // namespace

void add_config(CLI::App& app, Command& command) {
  app.add_option("--config", command.config, "YAML file; else FAREBOX_CONFIG, else defaults")
      ->type_name("FILE");
}

void add_admin_listen(CLI::App& app, Command& command) {
  app.add_option("--admin-listen", command.overrides.admin_listen,
                 "admin port to ask [127.0.0.1:4142]")
      ->type_name("ADDR");
}

void one_of(CLI::Option* option, const std::vector<std::string>& words) {
  option->type_name(fmt::format("{}", fmt::join(words, "|")));
  option->check(CLI::IsMember(words).description(""));
}

void add_serve_options(CLI::App& app, Command& command) {
  Overrides& said = command.overrides;
  add_config(app, command);
  app.add_option("--listen", said.listen, "data port [127.0.0.1:4141]")->type_name("ADDR");
  app.add_option("--admin-listen", said.admin_listen, "admin port [127.0.0.1:4142]")
      ->type_name("ADDR");
  add_data_dir(app, command);
  one_of(app.add_option("--log-level", said.log_level, "what to log at least [info]"),
         {"debug", "info", "warn", "error"});
  one_of(app.add_option("--log-format", said.log_format, "text is for people [json]"),
         {"json", "text"});
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

CLI::App* add_audit(CLI::App& app, Command& command) {
  CLI::App* const audit =
      app.add_subcommand("audit", "who changed keys, budgets, prices or the configuration");
  AuditOptions& options = command.audit;
  audit->footer(kAuditFooter);
  audit->add_option("--limit", options.limit, "the newest N changes [20]")
      ->type_name("N")
      ->check(CLI::Range(1u, 1'000u));
  audit->add_flag("--json", options.json, "JSON on a terminal too");
  add_config(*audit, command);
  add_admin_listen(*audit, command);
  return audit;
}

CLI::App* add_keys(CLI::App& app, Command& command) {
  using Act = KeysOptions::Act;
  CLI::App* const keys = app.add_subcommand("keys", "make, list, revoke or rotate virtual keys");
  KeysOptions& options = command.keys;
  keys->footer(kKeysFooter);
  keys->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Act act) {
    CLI::App* const sub = keys->add_subcommand(name, what);
    sub->footer("Examples and exit codes: farebox keys --help");
    sub->add_flag("--json", options.json, "JSON on a terminal too");
    add_config(*sub, command);
    add_admin_listen(*sub, command);
    sub->callback([&options, act] { options.act = act; });
    return sub;
  };
  CLI::App* const create = add("create", "make a key; it is shown once", Act::create);
  create->add_option("--name", options.name, "what records and lists call it")
      ->required()
      ->type_name("N");
  create->add_option("--org", options.org, "what its calls are counted under")->type_name("O");
  create->add_option("--project", options.project, "the same")->type_name("P");
  create->add_option("--user", options.user, "the same")->type_name("U");
  create->add_option("--tag", options.tags, "the same: name=value, may be repeated")->type_name("A=B");
  create->add_option("--model", options.models, "a model it may use, * for any text; may be repeated [all]")
      ->type_name("GLOB");
  create->add_option("--provider", options.providers, "a provider it may use; may be repeated [all]")
      ->type_name("P");
  create->add_option("--dialect", options.dialects, "an API it may use; may be repeated [all]")
      ->type_name("D");
  create->add_option("--expires", options.expires, "2026-12-31 or an RFC 3339 time [never]")->type_name("T");
  create->add_flag("--offline", options.offline, "ask no farebox: print the key, and YAML for its configuration");
  add("list", "names, prefixes and states; never a key", Act::list);
  add("revoke", "refuse a key from now on", Act::revoke)
      ->add_option("ID", options.which, "its id or name")
      ->required()
      ->type_name("");
  CLI::App* const rotate = add("rotate", "a new key in the place of an old one", Act::rotate);
  rotate->add_option("ID", options.which, "its id or name")->required()->type_name("");
  rotate->add_option("--overlap", options.overlap, "how long the old one works yet [24h]")->type_name("T");
  return keys;
}

CLI::App* add_ledger(CLI::App& app, Command& command) {
  using Act = LedgerOptions::Act;
  CLI::App* const ledger =
      app.add_subcommand("ledger", "verify, export, back up, restore, rebuild or reprice the ledger");
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
  one_of(dump->add_option_function<std::string>(
             "--format",
             [&options](const std::string& said) {
               using Format = ExportOptions::Format;
               options.dump.format = said == "csv" ? Format::csv : Format::jsonl;
             },
             "how to write them [jsonl]"),
         {"jsonl", "csv"});
  add_filter(*dump, options.dump);
  dump->add_option("--output", options.dump.output,
                   "a file, written beside its place and then moved there [standard output]")
      ->type_name("FILE");

  CLI::App* const rebuild =
      add("rebuild", "make the sums anew from the records, running or stopped", Act::rebuild);
  add_admin_listen(*rebuild, command);
  CLI::App* const reprice =
      add("reprice", "charge again with today's prices; adds correcting records", Act::reprice);
  add_filter(*reprice, options.dump);
  reprice->get_option("--since")->description("24h, 2026-11-01 or an RFC 3339 time")->required();
  reprice->add_flag("--dry-run", options.dry_run, "only say what would be corrected");
  reprice->add_flag("--json", options.json, "JSON on a terminal too");
  add_admin_listen(*reprice, command);
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

CLI::App* add_prices(CLI::App& app, Command& command) {
  using Act = PricesOptions::Act;
  CLI::App* const prices =
      app.add_subcommand("prices", "show what a model costs, or check a price file");
  PricesOptions& options = command.prices;
  prices->footer(kPricesFooter);
  prices->require_subcommand(1);
  CLI::App* const show = prices->add_subcommand("show", "every price of a model, and why it is this one");
  show->add_option("MODEL", options.model, "as traffic names it")->required()->type_name("");
  show->add_option("--provider", options.provider, "at this provider [every configured one]")
      ->type_name("P");
  CLI::App* const check =
      prices->add_subcommand("check", "find every mistake of a price file; exit 0 or 65");
  check->add_option("FILE", options.file, "ours, or in LiteLLM's form")->required()->type_name("");
  check->add_option("--public-key", options.public_key, "ed25519:BASE64; FILE.sig must be right")
      ->type_name("KEY");
  for (CLI::App* const each : {show, check}) {
    each->footer("Examples and exit codes: farebox prices --help");
    add_config(*each, command);
    each->add_flag("--json", options.json, "JSON on a terminal too");
    each->callback([&options, act = each == show ? Act::show : Act::check] { options.act = act; });
  }
  return prices;
}

CLI::App* add_count(CLI::App& app, Command& command) {
  CLI::App* const count = app.add_subcommand("count", "count the tokens of standard input");
  CountOptions& options = command.count;
  count->footer(kCountFooter);
  count->add_option("--model", options.model, "whose tokenizer to count with, and price")
      ->type_name("M");
  count->add_option("--encoding", options.encoding, "a tokenizer by name [o200k_base]")
      ->type_name(fmt::format("{}", fmt::join(encoding_names(), "|")));
  count->add_flag("--jsonl", options.jsonl, "{\"text\": ...} a line in, a count a line out");
  count->add_flag("--json", options.json, "JSON on a terminal too, and for each line of --jsonl");
  add_config(*count, command);
  count->add_option("--data-dir", command.overrides.data_dir,
                    "whose farebox learnt how models count [./farebox-data]")
      ->type_name("DIR");
  return count;
}

CLI::App* add_check(CLI::App& app, Command& command) {
  CLI::App* const check =
      app.add_subcommand("check", "validate a configuration, print every error, exit 0 or 78");
  check->footer(kCheckFooter);
  add_serve_options(*check, command);
  check->add_flag("--json", command.check.json, "JSON on a terminal too");
  return check;
}

CLI::App* add_bill(CLI::App& app, Command& command) {
  CLI::App* const bill =
      app.add_subcommand("bill", "what a provider's reply costs, line by line; check our arithmetic");
  BillOptions& options = command.bill;
  bill->footer(kBillFooter);
  bill->add_option("FILE", options.files, "a reply, or golden bills [standard input]")->type_name("");
  bill->add_option("--provider", options.provider, "who replied [openai]")->type_name("P");
  bill->add_option("--model", options.model, "the model, where the reply names none")
      ->type_name("M");
  bill->add_option("--path", options.path, "the request's path [the provider's chat]")
      ->type_name("PATH");
  bill->add_flag("--json", options.json, "JSON on a terminal too");
  add_config(*bill, command);
  return bill;
}

CLI::App* add_health(CLI::App& app, Command& command) {
  CLI::App* const health =
      app.add_subcommand("health", "ask the admin port; for probes, exit 0 or 69");
  health->footer(kHealthFooter);
  add_config(*health, command);
  add_admin_listen(*health, command);
  health->add_flag("--ready", command.health.ready, "ask whether it is ready, not only alive");
  health->add_flag("--json", command.health.json, "JSON on a terminal too");
  return health;
}

}  // namespace farebox
