// Copying a ledger, record by record, with its chain checked on the way: what backup,
// restore and repair have in common.
#pragma once

#include <string>

#include "storage/ledger_check.hpp"
#include "storage/ledger_reader.hpp"

namespace farebox {

enum class CopyDamage : std::uint8_t {
  refuse,       // a break in the chain is an error
  keep_prefix,  // the copy ends before it; `faults` of the report says what went
};

// Into `directory`, which must hold no ledger. The copy is synced when this returns.
Result<VerifyReport> copy_ledger(const RocksStore& from, const CheckedLedger& checked,
                                 const std::string& directory, CopyDamage damage);

}  // namespace farebox
