#include "proxy/cli.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "config/suggest.hpp"
#include "proxy/cli_commands.hpp"
#include "proxy/cli_text.hpp"
#include "proxy/completion.hpp"
#include "proxy/exit_code.hpp"
#include "proxy/version.hpp"

namespace farebox {
namespace {

// Commands before options: what can I do comes before how.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() {
    label("SUBCOMMAND", "COMMAND");
    column_width(28);
  }
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    return make_description(app) + make_usage(app, name) + make_subcommands(app, mode) +
           make_positionals(app) + make_groups(app, mode) + "\n" + make_footer(app);
  }
};

CompletionValue value_of(const CLI::Option& option) {
  using Kind = CompletionValue::Kind;
  CompletionValue value;
  if (option.get_items_expected_max() == 0) return value;
  const std::string type = option.get_positional() && option.get_type_name().empty()
                               ? option.get_name()
                               : option.get_type_name();
  value.kind = type == "FILE" ? Kind::file : type == "DIR" ? Kind::directory : Kind::text;
  if (type.find('|') == type.npos) return value;
  value.kind = Kind::choice;
  value.choices = CLI::detail::split(type, '|');
  return value;
}

CompletionCommand completion_of(const CLI::App& app) {
  CompletionCommand command;
  command.name = app.get_name();
  command.what = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      command.word = value_of(*option);
      continue;
    }
    CompletionOption& row = command.options.emplace_back();
    for (const std::string& name : option->get_lnames()) row.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) row.names.push_back("-" + name);
    row.what = option->get_description();
    row.value = value_of(*option);
  }
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    command.commands.push_back(completion_of(*sub));
  }
  return command;
}

// "farebox ledger verify"
std::string full_name(const CLI::App& app) {
  const CLI::App* const parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

std::vector<std::string> words_of(const CLI::App& app, bool options) {
  std::vector<std::string> words;
  if (!options) {
    for (const CLI::App* sub : app.get_subcommands(nullptr)) words.push_back(sub->get_name());
    return words;
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

// What somebody may have meant by a word that `app` doesn't know.
std::string suggestion(const CLI::App& app, const std::string& word) {
  const bool option = word.starts_with("-");
  const std::vector<std::string> words = words_of(app, option);
  const std::vector<std::string_view> views(words.begin(), words.end());
  // --confg=x is meant as --config.
  const std::string_view meant = closest_word(std::string_view(word).substr(0, word.find('=')), views);
  if (!meant.empty()) return fmt::format("did you mean '{}'?", meant);
  const bool file = word.ends_with(".yaml") || word.ends_with(".yml") || word.ends_with(".json");
  if (!option && file) return fmt::format("did you mean '--config {}'?", word);
  if (option || views.empty()) return "it takes no such word";
  return fmt::format("its commands are {}", listed(views));
}

// The command that didn't understand, and the first word it didn't know.
const CLI::App& last_command(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : last_command(*chosen.front());
}

const CLI::App* unknown_word(const CLI::App& app, std::string& word) {
  const std::vector<std::string> unknown = app.remaining(false);
  if (!unknown.empty()) {
    word = unknown.front();
    return &app;
  }
  for (const CLI::App* sub : app.get_subcommands()) {
    if (const CLI::App* const found = unknown_word(*sub, word)) return found;
  }
  return nullptr;
}

int complain_about(const CLI::App& app, const CLI::ParseError& error) {
  std::string word;
  const CLI::App* const confused = unknown_word(app, word);
  if (confused != nullptr) {
    fmt::print(stderr, "farebox: '{}' does not know '{}'; {} See: {} --help\n", full_name(*confused),
               word, suggestion(*confused, word), full_name(*confused));
    return kExitUsage;
  }
  const CLI::App& last = last_command(app);
  std::string what = error.what();
  const std::vector<std::string> words = words_of(last, false);
  if (!words.empty() && error.get_name() == "RequiredError") {
    what = fmt::format("'{}' needs one of {}", full_name(last), fmt::join(words, ", "));
  }
  fmt::print(stderr, "farebox: {}; see: {} --help\n", what, full_name(last));
  return kExitUsage;
}

// farebox help ledger verify
int help_about(const CLI::App& app, const std::vector<std::string>& path) {
  const CLI::App* about = &app;
  for (const std::string& name : path) {
    const auto inners = about->get_subcommands(
        [&name](const CLI::App* each) { return each->get_name() == name; });
    const CLI::App* const inner = inners.empty() ? nullptr : inners.front();
    if (inner == nullptr) {
      fmt::print(stderr, "farebox: '{}' does not know '{}'; {}\n", full_name(*about), name,
                 suggestion(*about, name));
      return kExitUsage;
    }
    about = inner;
  }
  fmt::print("{}", app.get_formatter()->make_help(about, full_name(*about), CLI::AppFormatMode::Normal));
  return 0;
}

int print_completion(const CLI::App& app, const std::string& shell) {
  const Shell which = shell == "bash" ? Shell::bash : shell == "zsh" ? Shell::zsh : Shell::fish;
  CompletionCommand root = completion_of(app);
  for (CompletionCommand& command : root.commands) {
    if (command.name == "help") command.word = {CompletionValue::Kind::choice, words_of(app, false)};
  }
  fmt::print("{}", completion_script(root, which));
  return 0;
}

Command& end_with(Command& command, int exit_code) {
  command.what = Command::What::exit;
  command.exit_code = exit_code;
  return command;
}

}  // namespace

Command parse_command_line(int argc, char** argv) {
  Command command;
  if (argc > 0 && std::string_view(argv[0]).find('/') != std::string_view::npos) {
    command.program = argv[0];
  }
  CLI::App app(kAbout, "farebox");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "this help");
  app.footer(kFooter);
  app.set_version_flag("--version", fmt::format("farebox {} ({})", kVersion, kRevision),
                       "the version and the revision it was built from");
  app.require_subcommand(0, 1);
  add_serve_options(app, command);

  CLI::App* const serve = app.add_subcommand("serve", "serve (the default)");
  serve->footer(kServeFooter);
  add_serve_options(*serve, command);
  CLI::App* const demo =
      app.add_subcommand("demo", "serve with a built-in pretend provider: no key, no network");
  demo->footer(kDemoFooter);
  add_serve_options(*demo, command);
  const CLI::App* const bill = add_bill(app, command);
  const CLI::App* const check = add_check(app, command);
  const CLI::App* const usage = add_usage(app, command);
  const CLI::App* const keys = add_keys(app, command);
  const CLI::App* const budgets = add_budgets(app, command);
  const CLI::App* const alerts = add_alerts(app, command);
  const CLI::App* const audit = add_audit(app, command);
  const CLI::App* const ledger = add_ledger(app, command);
  const CLI::App* const prices = add_prices(app, command);
  const CLI::App* const count = add_count(app, command);
  const CLI::App* const health = add_health(app, command);
  std::string shell;
  CLI::App* const completion =
      app.add_subcommand("completion", "print completion for bash, zsh or fish");
  completion->footer(kCompletionFooter);
  one_of(completion->add_option("SHELL", shell, "your shell")->required(), {"bash", "zsh", "fish"});
  std::vector<std::string> about;
  CLI::App* const help = app.add_subcommand("help", "more about a command");
  help->add_option("COMMAND", about, "such as: ledger verify")->type_name("");
  for (CLI::App* const each : app.get_subcommands(nullptr)) {
    each->group("Commands");
    for (CLI::App* const inner : each->get_subcommands(nullptr)) inner->group("Commands");
  }

  if (constexpr std::string_view kLater = "ca"; argc > 1 && kLater == argv[1]) {
    fmt::print(stderr, "farebox: '{}' is not built yet in this version; see farebox --help\n", kLater);
    return end_with(command, kExitUsage);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& end) {
    return end_with(command, app.exit(end));  // help or version
  } catch (const CLI::ParseError& error) {
    return end_with(command, complain_about(app, error));
  }
  if (*help) return end_with(command, help_about(app, about));
  if (*completion) return end_with(command, print_completion(app, shell));
  if (*demo) command.what = Command::What::demo;
  if (*bill) command.what = Command::What::bill;
  if (*check) command.what = Command::What::check;
  if (*health) command.what = Command::What::health;
  if (*usage) command.what = Command::What::usage;
  if (*keys) command.what = Command::What::keys;
  if (*budgets) command.what = Command::What::budgets;
  if (*alerts) command.what = Command::What::alerts;
  if (*audit) command.what = Command::What::audit;
  if (*ledger) command.what = Command::What::ledger;
  if (*prices) command.what = Command::What::prices;
  if (*count) command.what = Command::What::count;
  return command;
}

}  // namespace farebox
