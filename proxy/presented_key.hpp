// PresentedKey: where a request carries a virtual key, and whether it has a key for the
// provider beside it. Pure functions over heads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/dialect/dialect.hpp"
#include "proxy/http/head.hpp"

namespace farebox {

struct PresentedKey {
  bool presented = false;     // there is one, or something where only one may be
  bool unclear = false;       // there are two different ones, or what begins like one and is none
  bool beside = false;        // as x-farebox-key, which is no place of a provider's key
  bool provider_key = false;  // there is a credential that isn't ours
  std::string_view text;      // into the head or `decoded`; empty: nothing that could be a key
  std::string decoded;        // of the query
  // Where one stands that nobody looks for there, so that the provider or the ledger would get
  // it: a field's name or "the URL"; empty: nowhere.
  std::string_view stray;
};

enum class KeySearch : std::uint8_t {
  usual_places,  // nobody has a key of ours
  everywhere,    // and no key of ours may stand elsewhere
};

// Looks at x-farebox-key, at the fields and parameters that credentials are carried in, and at
// the place of `described`, which may be null; then for strays.
PresentedKey find_presented_key(const http::RequestHead& head, const Dialect* described,
                                KeySearch search);

// A value that one of our virtual keys could be: "fb-" and 43 base64url characters.
bool looks_like_virtual_key(std::string_view text);
// Such a value alone or behind a scheme, "Bearer fb-...": the key, or nothing.
std::string_view virtual_key_in(std::string_view value);
// Such a value with anything around it that can't be a part of it.
std::string_view virtual_key_within(std::string_view text);

// Removes the parameter `name` from the query of `target`.
void drop_query_parameter(std::string& target, std::string_view name);
// All whose names say that they are somebody's: keys, tokens, signatures.
void drop_credentials(std::string& target);
// Does a field or a parameter of this name say who somebody is, or prove it?
bool may_hold_credential(std::string_view name);
// Removes the parameters that hold one of our virtual keys.
void drop_virtual_keys(std::string& target);
std::string_view query_parameter(std::string_view target, std::string_view name);

}  // namespace farebox
