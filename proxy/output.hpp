// Output: what a command writes, to standard output or to a file that appears whole.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "config/base/result.hpp"
#include "proxy/exit_code.hpp"

namespace farebox {

class Output {
 public:
  // "" and "-" are standard output. Any other path is written as PATH.tmp and gets its name
  // by `finish`; what is no regular file, such as a pipe, is written as it is.
  static CommandResult<Output> open(const std::string& path);

  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();  // without `finish` the PATH.tmp goes away

  // False: more needn't be written. Either it failed, or whoever read it has left.
  bool write(std::string_view text);

  // Writes what is buffered and gives the file its name. A reader that left is no failure.
  CommandResult<void> finish();

 private:
  Output(int file, std::string path, bool renames)
      : file_(file), path_(std::move(path)), renames_(renames) {}
  void flush();

  int file_ = -1;
  std::string path_;      // for messages; empty: standard output
  bool renames_ = false;
  std::string buffer_;
  int error_ = 0;  // errno of the first write that failed
};

// Standard output is a terminal: tables for people, else JSON for programs.
bool on_terminal();

// `text` in a colour where the descriptor `fd` is a terminal and NO_COLOR isn't set
// (no-color.org), else as it is.
enum class Colour : std::uint8_t { red, green, yellow, bold };
std::string paint(Colour colour, std::string_view text, int fd);

// Writes to standard output; the exit code of a command that has nothing else to say.
int say(std::string_view text);

// Says what the admin port at `listen` answered: as it is where a program reads it or `json` is
// asked for, else as `for_people` makes it, whose error is of an answer it can't read. Gives the
// exit code.
int say_answer(const std::string& answer, bool json, std::string_view listen,
               const std::function<Result<std::string>()>& for_people);

// Says it on standard error and gives the exit code.
int complain(const CommandFailure& failure);

}  // namespace farebox
