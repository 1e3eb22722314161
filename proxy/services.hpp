// Services: what a request may use.
//
// References only: to what lives as long as the program (the Foundation, which the server
// owns in the order of building), and to the one Configuration the request runs under.
// Each thing says in its own header how it is thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/base/log.hpp"
#include "proxy/admission.hpp"
#include "proxy/alert_desk.hpp"
#include "proxy/answer_desk.hpp"
#include "proxy/audit_log.hpp"
#include "proxy/configuration.hpp"
#include "proxy/budget_shelf.hpp"
#include "proxy/governor.hpp"
#include "proxy/key_desk.hpp"
#include "proxy/metrics.hpp"
#include "proxy/token_desk.hpp"
#include "storage/document_store.hpp"
#include "storage/ledger.hpp"

namespace farebox {

struct Services {
  const Settings& settings;
  const PriceTable& prices;
  Ledger& ledger;
  DocumentStore& documents;
  KeyDesk& keys;
  Logger& log;
  Metrics& metrics;
  const Clock& clock;
  const Providers& providers;
  const Directory& directory;
  const RouteTable& routes;
  Admission& admission;
  TokenDesk& tokens;
  Governor& governor;
  BudgetShelf& budgets;
  AuditLog& audit;
  AlertDesk& alerts;
  AnswerDesk& answers;
  const std::string_view instance;  // who we are in Via
};

// What no reload changes. Must outlive every Services made from it.
struct Foundation {
  Ledger& ledger;
  DocumentStore& documents;
  KeyDesk& keys;
  Logger& log;
  Metrics& metrics;
  const Clock& clock;
  Admission& admission;
  TokenDesk& tokens;
  Governor& governor;
  BudgetShelf& budgets;
  AuditLog& audit;
  AlertDesk& alerts;
  AnswerDesk& answers;
  const std::string instance;  // random at each start

  // `configuration` must live as long as the result.
  Services under(const Configuration& configuration) const {
    return {configuration.settings,  configuration.prices,    ledger, documents, keys,
            log,                     metrics,                 clock,
            configuration.providers, configuration.directory, configuration.routes, admission,
            tokens,                  governor,                budgets,  audit,
            alerts,                  answers, instance};
  }
};

}  // namespace farebox
