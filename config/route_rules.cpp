#include "config/route_rules.hpp"

namespace farebox {
namespace {

DialectName family_of(DialectName dialect) {
  switch (dialect) {
    case DialectName::azure:
    case DialectName::mistral: return DialectName::openai;
    default: return dialect;
  }
}

}  // namespace

bool same_family(const ProviderSettings& a, const ProviderSettings& b) {
  if (a.described || b.described) {
    return a.described && b.described && a.described->name == b.described->name;
  }
  return family_of(a.dialect) == family_of(b.dialect);
}

// The later pattern as if it were a name: a '*' in it can stand for any text, so it fits only
// where the earlier one has a '*' as well.
bool covers(std::string_view earlier, std::string_view later) {
  std::size_t at = 0, in_pattern = 0;
  std::size_t star = std::string_view::npos, resume = 0;
  while (at < later.size()) {
    if (in_pattern < earlier.size() && earlier[in_pattern] == '*') {
      star = in_pattern++;
      resume = at;
    } else if (in_pattern < earlier.size() && later[at] != '*' && earlier[in_pattern] == later[at]) {
      ++in_pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (in_pattern < earlier.size() && earlier[in_pattern] == '*') ++in_pattern;
  return in_pattern == earlier.size();
}

}  // namespace farebox
