// The answers of /api/cache.
#pragma once

#include "proxy/admin.hpp"

namespace farebox {

AdminAnswer answer_cache_stats(const AdminView& view, const AdminRequest& request);
AdminAnswer answer_cache_invalidate(const AdminView& view, const AdminRequest& request);
AdminAnswer answer_cache_warm(const AdminView& view, const AdminRequest& request);
AdminAnswer answer_cache_warming(const AdminView& view, const AdminRequest& request);

}  // namespace farebox
