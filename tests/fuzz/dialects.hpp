// The dialects as an octet of an input picks them. Their order is that of the seeds: a new one
// stands at the end.
#pragma once

#include "proxy/dialect/dialect.hpp"

namespace farebox {

inline const Dialect& picked_dialect(unsigned octet) {
  constexpr DialectName kNames[] = {DialectName::openai,  DialectName::anthropic,
                                    DialectName::gemini,  DialectName::azure,
                                    DialectName::mistral, DialectName::cohere,
                                    DialectName::ollama,  DialectName::bedrock};
  return dialect_for(kNames[octet % 8]);
}

}  // namespace farebox
