// The admin port's calls about virtual keys: /api/keys and /api/keys/rotate (design, section 7).
#pragma once

#include "proxy/admin.hpp"

namespace farebox {

AdminAnswer answer_keys(const AdminView& view, const AdminRequest& request);
// 201; the only answer, with that of `answer_rotate_key`, that holds a key.
AdminAnswer answer_create_key(const AdminView& view, const AdminRequest& request);
AdminAnswer answer_revoke_key(const AdminView& view, const AdminRequest& request);
AdminAnswer answer_rotate_key(const AdminView& view, const AdminRequest& request);

}  // namespace farebox
