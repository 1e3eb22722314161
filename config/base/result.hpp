// Result<T>: a value or an Error, for everything that can fail after start-up.
//
// Write the check out: `if (!x) return x.error();`. Never call value() unchecked;
// use *x after the check. A coroutine returns awaitable<Result<T>>.
#pragma once

#include <boost/system/result.hpp>

#include "config/base/check.hpp"
#include "config/base/error.hpp"

namespace farebox {

template <class T>
using Result = boost::system::result<T, Error>;

// Called by Boost when value() meets an error: a bug of ours, so stop.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location& where) {
  check_failed(name_of(error.code).data(), where.file_name(), static_cast<int>(where.line()));
}

}  // namespace farebox
