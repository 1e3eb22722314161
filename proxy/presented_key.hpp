// PresentedKey: where a request carries a virtual key, and whether it has a key for the
// provider beside it. Pure functions over heads.
#pragma once

#include <string>
#include <string_view>

#include "proxy/dialect/dialect.hpp"
#include "proxy/http/head.hpp"

namespace farebox {

struct PresentedKey {
  bool presented = false;     // there is one, or something where only one may be
  bool unclear = false;       // there are two different ones, or x-farebox-key can't be one
  bool beside = false;        // as x-farebox-key, which is no place of a provider's key
  bool provider_key = false;  // there is a credential that isn't ours
  std::string_view text;      // into the head or `decoded`; empty: nothing that could be a key
  std::string decoded;        // of the query
};

// Looks at x-farebox-key, at the fields and the parameter `key` that dialects carry keys in,
// and at the place of `described`, which may be null.
PresentedKey find_presented_key(const http::RequestHead& head, const Dialect* described);

// A value that one of our virtual keys could be: "fb-" and 43 base64url characters.
bool looks_like_virtual_key(std::string_view text);
// The same behind a scheme, "Bearer fb-...": the key, or nothing.
std::string_view virtual_key_in(std::string_view value);

// Removes the parameter `name` from the query of `target`.
void drop_query_parameter(std::string& target, std::string_view name);
std::string_view query_parameter(std::string_view target, std::string_view name);

// The parameter `key` of the query that is one of our virtual keys, decoded; empty: none is.
std::string virtual_key_of_query(std::string_view target);
bool query_holds_virtual_key(std::string_view target);

}  // namespace farebox
