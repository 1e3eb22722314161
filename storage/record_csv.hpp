// Records as CSV, for spreadsheets and imports (RFC 4180).
//
// One line for each record, flat: the fields of design section 7 in their order, with
// units_seconds for units.seconds, tags as "a=b;c=d" and how many extras and attempts
// there were. What isn't known (a cost, the tokens of an endpoint nobody metered) is an
// empty field, never 0. Lines end in LF, which every reader takes and cut and awk need.
//
// The data is exact: a value that begins with = or @ stays so, though a spreadsheet may
// take it for a formula. Import such columns as text.
#pragma once

#include <string>

#include "storage/record.hpp"

namespace farebox {

void append_csv_header(std::string& out);
void append_csv(std::string& out, const Record& record);

}  // namespace farebox
