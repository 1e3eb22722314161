// NoDump: while it lives, nothing of this process's memory leaves through a core file or a
// debugger of the same user (reliability, section 7).
//
// The system then gives /proc/PID to root and refuses ptrace, gdb and perf of others. What
// is being looked into starts with FAREBOX_DUMPABLE=1, or has debug.dumpable: true.
#pragma once

namespace farebox {

class NoDump {
 public:
  // Does nothing where FAREBOX_DUMPABLE is 1 or true.
  NoDump();
  // Sanitizers look for leaks through ptrace of their own process, after main.
  ~NoDump();
  NoDump(const NoDump&) = delete;
  NoDump& operator=(const NoDump&) = delete;

  void lift();       // the settings allow it
  void keep() const; // for good: the limit can't be raised again
 private:
  bool on_ = false;
};

}  // namespace farebox
