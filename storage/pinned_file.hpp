// PinnedFile: a file that is held on to, so that it can be told whether its path still means it.
//
// What is open goes on working when its directory is removed or moved away, and says nothing.
// Held by O_PATH: its number in the file system isn't given again meanwhile, and closing it
// gives up none of the process's locks on the file, as closing any other descriptor would.
#pragma once

#include <string>

namespace farebox {

class PinnedFile {
 public:
  PinnedFile() = default;
  ~PinnedFile();
  PinnedFile(const PinnedFile&) = delete;
  PinnedFile& operator=(const PinnedFile&) = delete;

  // Once, before other threads ask. A file that can't be held is there for ever.
  void pin(const std::string& path);

  // False: it was removed, its path leads nowhere or to another file. Any thread.
  bool is_there() const;

 private:
  std::string path_;
  int file_ = -1;
};

}  // namespace farebox
