// What a check of a ledger found, as text for people and as JSON. Pure.
#pragma once

#include <string>

#include "storage/ledger_reader.hpp"

namespace farebox {

// Aligned lines; at the end "no faults" or each fault on a line of its own.
std::string verify_text(const VerifyReport& report);

// One object in camelCase; sequences are ids as records have them, null for none.
std::string verify_json(const VerifyReport& report);

}  // namespace farebox
