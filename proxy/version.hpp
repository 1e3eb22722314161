// The program's version; the revision comes from the build.
#pragma once

#ifndef FAREBOX_REVISION
#define FAREBOX_REVISION "unknown"
#endif

namespace farebox {

inline constexpr const char* kVersion = "0.1.0";
inline constexpr const char* kRevision = FAREBOX_REVISION;

}  // namespace farebox
