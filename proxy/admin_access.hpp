// Who may use the admin port (design, section 7): a plain decision over a head.
#pragma once

#include <optional>

#include "config/settings.hpp"
#include "proxy/admin.hpp"
#include "proxy/http/head.hpp"

namespace farebox {

// The refusal, or nothing when the request may be answered.
std::optional<AdminAnswer> refuse_admin(const AdminSettings& settings,
                                        const http::RequestHead& head, std::string_view path);

}  // namespace farebox
