// HiddenOutput: may a model bill output that its stream doesn't show?
//
// Models that think bill tokens nobody sees pass by, so a budget can't watch them while a stream
// runs: it has to hold their whole worst case before. Data, not code: families by the begin of
// a model's name that are known to show all they bill, in hidden_output.cpp.
#pragma once

#include <string_view>

namespace farebox {

// True for every model that isn't known to show all of it. Names are taken without case, and
// with what sellers put in front.
bool may_hide_output(std::string_view model);

}  // namespace farebox
