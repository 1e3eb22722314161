// The `error` member of a reply or of an event, in the shapes that providers give it
// (wire-formats section 5): an object with type, code and status, or a mere text.
#pragma once

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/usage_reader.hpp"

namespace farebox {

// Marks the reading as an error unless the member at the cursor is null, false or {}.
// Its code is the status, else the code, else the type.
void read_error_member(JsonCursor& cursor, Reading& reading);

}  // namespace farebox
