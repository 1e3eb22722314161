// The dialect of an API that the operator described (config/described_dialect.hpp). Paths
// that weren't described, errors and what else isn't said are the base's.
#pragma once

#include <memory>

#include "config/described_dialect.hpp"
#include "proxy/dialect/dialect.hpp"

namespace farebox {

// The description is copied.
std::unique_ptr<const Dialect> described_dialect(const DescribedDialect& description);

}  // namespace farebox
