// The command line (design, section 4), parsed into a plain value.
#pragma once

#include <string>

#include "config/load.hpp"
#include "proxy/audit_command.hpp"
#include "proxy/bill_command.hpp"
#include "proxy/alerts_command.hpp"
#include "proxy/budgets_command.hpp"
#include "proxy/check_command.hpp"
#include "proxy/count_command.hpp"
#include "proxy/health.hpp"
#include "proxy/keys_command.hpp"
#include "proxy/ledger_command.hpp"
#include "proxy/prices_command.hpp"
#include "proxy/usage_command.hpp"

namespace farebox {

struct Command {
  enum class What {
    serve, demo, bill, check, health, usage, keys, budgets, alerts, audit, ledger, prices, count, exit
  };
  What what = What::serve;
  int exit_code = 0;  // with What::exit: help, version or a usage error was printed
  std::string program = "farebox";  // how it can be called again
  std::string config;
  Overrides overrides;
  BillOptions bill;
  CheckOptions check;
  HealthOptions health;
  UsageOptions usage;
  AuditOptions audit;
  KeysOptions keys;
  BudgetsOptions budgets;
  AlertsOptions alerts;
  LedgerOptions ledger;
  PricesOptions prices;
  CountOptions count;
};

Command parse_command_line(int argc, char** argv);

}  // namespace farebox
