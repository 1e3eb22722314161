// What the program ends with (design, section 4): the numbers of sysexits.h, and a
// failure of a command, which is such a number and a sentence for people.
#pragma once

#include <string>

#include "config/base/result.hpp"

namespace farebox {

inline constexpr int kExitUsage = 64;        // the command line can't be understood
inline constexpr int kExitDamaged = 65;      // a ledger that is damaged, or isn't there
inline constexpr int kExitUnavailable = 69;  // nothing answers, port taken, store locked
inline constexpr int kExitBug = 70;
inline constexpr int kExitCantCreate = 73;
inline constexpr int kExitIo = 74;
inline constexpr int kExitPermission = 77;
inline constexpr int kExitConfig = 78;

struct CommandFailure {
  int exit_code = kExitBug;
  std::string why;
};
[[noreturn]] inline void throw_exception_from_error(const CommandFailure&,
                                                    const boost::source_location& where) {
  check_failed("result of a command not checked", where.file_name(),
               static_cast<int>(where.line()));
}

template <class T>
using CommandResult = boost::system::result<T, CommandFailure>;

}  // namespace farebox
