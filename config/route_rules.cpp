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

}  // namespace farebox
