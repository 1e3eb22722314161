// What an alert says of something out of the usual. Plain functions.
#pragma once

#include "policy/alert_text.hpp"
#include "policy/anomaly.hpp"

namespace farebox {

AlertKind kind_of(const SpendAnomaly& anomaly);
AlertWords anomaly_words(const SpendAnomaly& anomaly);

}  // namespace farebox
