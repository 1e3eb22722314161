// The stored form of a record or of a hold's draft: its payload, without the envelope
// (entry.hpp) around it. Reading accepts any octets and never reads outside them.
#pragma once

#include <string>
#include <string_view>

#include "storage/record_facts.hpp"

namespace farebox {

// Appends the payload. `sequence` and `model_known` aren't stored.
void encode_record(std::string& out, const Record& record, HoldId hold);

// False: these octets are no record of a version we know.
bool decode_record(std::string_view payload, Record& record);

// The facts alone, as views into `payload`: no allocation.
bool decode_facts(std::string_view payload, RecordFacts& facts);

}  // namespace farebox
