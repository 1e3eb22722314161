// Configuration files of any octets: no crash, no throw, every mistake with a place and a
// sentence, and twice the same.
#include <cstdint>
#include <cstdlib>

#include "config/load.hpp"

namespace {

using namespace farebox;

std::optional<std::string> variable(std::string_view name) {
  if (name == "EMPTY") return "";
  if (name == "HOSTILE") return "a: [b\n\"${HOSTILE}\"\xff";
  if (name == "KEY") return "sk-test";
  return std::nullopt;
}

// Files that may be opened would make a run depend on the machine.
bool names_a_file(std::string_view text) { return text.find('/') != text.npos && text.find("file") != text.npos; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (names_a_file(text)) return 0;
  LoadResult once = load_text(text, "fuzz.yaml", variable);
  LoadResult twice = load_text(text, "fuzz.yaml", variable);
  check_whole(once);
  check_whole(twice);
  if (once.errors.size() != twice.errors.size() || once.warnings.size() != twice.warnings.size()) std::abort();
  for (const ConfigProblem& problem : once.errors) {
    const std::string line = to_line(problem);
    if (line.empty() || line.find('\n') != line.npos) std::abort();
  }
  if (once.ok() && once.settings.providers.empty()) std::abort();
  return 0;
}
