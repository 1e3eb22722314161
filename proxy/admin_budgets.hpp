// What the admin port says and does of budgets (design, section 7).
#pragma once

#include "proxy/admin.hpp"

namespace farebox {

// Every counter as it is now: a "*" budget has a row for each value seen. `projectId` keeps
// the rows of that project.
AdminAnswer answer_budgets(const AdminView& view, const AdminRequest& request);
// {projectId | scope, budgetType, limitUsd ...}: creates or updates; {id, status, created}.
AdminAnswer answer_put_budget(const AdminView& view, const AdminRequest& request);
// ?budgetId=
AdminAnswer answer_remove_budget(const AdminView& view, const AdminRequest& request);

// {budgetId, limitUsd, for | until, reason}: another limit for a while. DELETE ends it.
AdminAnswer answer_override_budget(const AdminView& view, const AdminRequest& request);
AdminAnswer answer_end_override(const AdminView& view, const AdminRequest& request);
// {budgetId, amountUsd, reason}: more money in the window that runs.
AdminAnswer answer_top_up(const AdminView& view, const AdminRequest& request);

}  // namespace farebox
