// Configuration files of any octets, and budgets of the admin API: no crash, no throw, every
// mistake with a place and a sentence, and twice the same.
#include <cstdint>
#include <cstdlib>

#include "config/load.hpp"

namespace {

using namespace farebox;

std::optional<std::string> variable(std::string_view name) {
  if (name == "HTTPS_PROXY") return "http://user:word@proxy.example:3128";
  if (name == "http_proxy") return "http://127.0.0.1:4000";
  if (name == "ALL_PROXY") return "socks5://proxy.example";
  if (name == "no_proxy") return "a.example, .b.example,10.0.0.0/8,[::1]:80,*.c";
  if (name == "EMPTY") return "";
  if (name == "HOSTILE") return "a: [b\n\"${HOSTILE}\"\xff";
  if (name == "KEY") return "sk-test";
  return std::nullopt;
}

// Files that may be opened would make a run depend on the machine: no absolute path, and none
// that climbs. What is spelt with a backslash or put together by a variable counts as one; an
// address on the web doesn't.
bool may_name_a_file(std::string_view text) {
  if (text.find("file") == text.npos) return false;
  if (text.find('\\') != text.npos) return true;
  for (std::size_t at = text.find('/'); at != text.npos; at = text.find('/', at + 1)) {
    const char before = at == 0 ? '\n' : text[at - 1];
    const bool within = (before >= 'a' && before <= 'z') || (before >= '0' && before <= '9') || before == ':' ||
                        (before == '/' && at > 1 && text[at - 2] == ':');
    if (!within) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (may_name_a_file(text)) return 0;
  LoadResult once = load_text(text, "fuzz.yaml", variable);
  LoadResult twice = load_text(text, "fuzz.yaml", variable);
  check_whole(once);
  check_whole(twice);
  if (once.errors.size() != twice.errors.size() || once.warnings.size() != twice.warnings.size()) std::abort();
  for (const ConfigProblem& problem : once.errors) {
    const std::string line = to_line(problem);
    if (line.empty() || line.find('\n') != line.npos) std::abort();
  }
  const auto budget = load_budget(text, once.settings);
  if (!budget && budget.error().context.empty()) std::abort();
  if (once.ok() && once.settings.providers.empty()) std::abort();
  return 0;
}
