// What the admin port says and does of alerts (docs/operating.md).
#pragma once

#include "proxy/admin.hpp"

namespace farebox {

// ?state=active|ended, limit=: {alerts, channels}, the newest first.
AdminAnswer answer_alerts(const AdminView& view, const AdminRequest& request);
// {channel}, or all: sends a test and says what came of it.
AdminAnswer answer_test_alerts(const AdminView& view, const AdminRequest& request);
// /api/alerts/ID/acknowledge {by, note}
AdminAnswer answer_acknowledge_alert(const AdminView& view, const AdminRequest& request);

}  // namespace farebox
