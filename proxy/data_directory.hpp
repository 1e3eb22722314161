// DataDirectory: the directory farebox keeps its store in, held by one process.
#pragma once

#include <string>

#include "config/base/result.hpp"

namespace farebox {

struct DataDirectoryFailure {
  int exit_code = 69;  // 69 locked, 73 can't create, 77 not permitted
  std::string why;
};
[[noreturn]] inline void throw_exception_from_error(const DataDirectoryFailure&,
                                                    const boost::source_location& where) {
  check_failed("data directory result not checked", where.file_name(),
               static_cast<int>(where.line()));
}

class DataDirectory {
 public:
  // Creates it (mode 0700) and locks it against a second farebox until destroyed.
  static boost::system::result<DataDirectory, DataDirectoryFailure> open(const std::string& path);

  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&& other) noexcept;
  ~DataDirectory();

 private:
  explicit DataDirectory(int lock) : lock_(lock) {}
  int lock_ = -1;
};

}  // namespace farebox
