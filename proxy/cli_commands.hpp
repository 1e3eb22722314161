// The commands of the program, each with its options. What is said goes into `command`,
// which must outlive the app.
#pragma once

#include <CLI/CLI.hpp>

#include "proxy/cli.hpp"

namespace farebox {

// Words alone, shown as a|b|c.
void one_of(CLI::Option* option, const std::vector<std::string>& words);

// --config and --admin-listen, of every command that asks the admin port.
void add_config(CLI::App& app, Command& command);
void add_admin_listen(CLI::App& app, Command& command);

// Those of `serve`, which are the program's own too.
void add_serve_options(CLI::App& app, Command& command);

CLI::App* add_usage(CLI::App& app, Command& command);
CLI::App* add_audit(CLI::App& app, Command& command);
CLI::App* add_keys(CLI::App& app, Command& command);
CLI::App* add_budgets(CLI::App& app, Command& command);
CLI::App* add_alerts(CLI::App& app, Command& command);
CLI::App* add_ledger(CLI::App& app, Command& command);
CLI::App* add_prices(CLI::App& app, Command& command);
CLI::App* add_count(CLI::App& app, Command& command);
CLI::App* add_check(CLI::App& app, Command& command);
CLI::App* add_bill(CLI::App& app, Command& command);
CLI::App* add_health(CLI::App& app, Command& command);

}  // namespace farebox
