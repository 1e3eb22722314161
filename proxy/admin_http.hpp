// The texts of the admin port's HTTP: what a query says, and how an answer's head reads.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "proxy/admin.hpp"

namespace farebox {

// name=value&... percent-decoded; of a repeated name the last.
std::map<std::string, std::string> parse_admin_query(std::string_view query);

// The head, with the empty line behind it. A body worth it is compressed when the client
// `takes_gzip`; without `keep_alive` the head says that the connection ends.
std::string write_answer_head(AdminAnswer& answer, bool takes_gzip, bool keep_alive);

}  // namespace farebox
