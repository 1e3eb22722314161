// What a command ends with when a ledger can't be used.
#pragma once

#include "proxy/exit_code.hpp"

namespace farebox {

inline CommandFailure ledger_failure(const Error& error) {
  switch (error.code) {
    case ErrorCode::io_failed: return {kExitIo, error.context};
    case ErrorCode::ledger_unavailable: return {kExitUnavailable, error.context};
    // Damaged, written by a later farebox, or not there: bad data.
    default: return {kExitDamaged, error.context};
  }
}

}  // namespace farebox
