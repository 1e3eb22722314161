// What RetryStorms must remember over a restart, as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"
#include "policy/retry_storms.hpp"

namespace farebox {

// Some 50 KB at most.
std::string retry_memory_json(const std::vector<RetryStorms::Memory>& memory);

// Error: ledger_damaged, of a document nobody could have written.
Result<std::vector<RetryStorms::Memory>> read_retry_memory(std::string_view json);

}  // namespace farebox
