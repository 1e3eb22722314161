// GET /api/audit: who changed what, newest first.
#pragma once

#include "proxy/admin.hpp"

namespace farebox {

// Of ?limit= (1 to 1000, else 100) and ?cursor=, from nextCursor of the page before.
AdminAnswer answer_audit(const AdminView& view, const AdminRequest& request);

}  // namespace farebox
