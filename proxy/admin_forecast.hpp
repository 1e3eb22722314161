// What the admin port says of where a budget will end (design, section 7).
#pragma once

#include "proxy/admin.hpp"

namespace farebox {

// ?projectId=&budgetType=, or ?budgetId= (an id or a name), and scope=user=ann,... for one
// value of a "*" budget: {currentSpend, averageDaily, projectedTotal, ...}.
AdminAnswer answer_forecast(const AdminView& view, const AdminRequest& request);

}  // namespace farebox
