// ModelName: puts another model's name where a request says which one it wants. Every other
// octet stays.
#pragma once

#include <string>
#include <string_view>

#include "proxy/dialect/dialect.hpp"

namespace farebox {

// In the path, where that names the model, behind its first `base` octets, which are the base
// URL's; else in the body. `model` is what is said now, `dialect` and `method` those by which
// `route` was recognised. False, and nothing has changed, where it isn't found or `wanted` can't
// stand there.
bool replace_model(const Dialect& dialect, std::string_view method, const Route& route,
                   std::string_view model, std::string_view wanted, std::size_t base,
                   std::string& target, std::string& body);

}  // namespace farebox
