// What a scrape shows of budgets and rate limits.
#pragma once

#include "proxy/governor.hpp"
#include "proxy/metrics.hpp"

namespace farebox {

// Every budget in force with its counters added up: one line, however many values a "*" has.
// Takes its time with many values, so never on a worker.
GovernorGauges read_gauges(Governor& governor);

}  // namespace farebox
