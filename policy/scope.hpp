// Scope: who and what a request is counted under, and which budgets and limits say so.
//
// Plain values without I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"
#include "config/settings.hpp"

namespace farebox {

// What is known of a request, as views into what carries it. Empty: not known.
struct ScopeValues {
  std::string_view org, project, user, key, model, provider;
  const std::map<std::string, std::string>* tags = nullptr;  // null: none
  // The model as scopes call it (model_names.hpp); empty: nobody asked.
  std::string_view family = {}, snapshot = {};
};

// A model is counted with its whole family, or, where a scope names a snapshot, by that.
enum class ScopeKind : std::uint8_t { org, project, user, key, model, provider, tag, snapshot };

// One line of a scope: a dimension and the value it must have, or each value by itself.
struct ScopePart {
  ScopeKind kind = ScopeKind::project;
  std::string tag;    // its name, where kind is tag
  std::string value;  // empty where `each`
  bool each = false;  // "*": a counter for each value

  // The request's value in this dimension; empty: it has none.
  std::string_view value_of(const ScopeValues& values) const;
  // Makes it the request's value; both arguments must outlive `values`.
  void put_value(const std::string& value, ScopeValues& values,
                 std::map<std::string, std::string>& tags) const;
  // "project", "tag.team"
  std::string name() const;
  friend bool operator==(const ScopePart&, const ScopePart&) = default;
};

// A scope as the operator says it. All its parts must match; one without parts matches
// every request. A request without a value doesn't match "*".
class Scope {
 public:
  Scope() = default;  // everything

  // Error: invalid_config; its context says which dimension is unknown, value empty or pattern.
  static Result<Scope> make(const ScopeSettings& said);

  const std::vector<ScopePart>& parts() const { return parts_; }
  bool matches(const ScopeValues& values) const;
  // It counts models, and would count this request if it asked for the right one.
  bool may_match(const ScopeValues& values) const;

  friend bool operator==(const Scope&, const Scope&) = default;

 private:
  std::vector<ScopePart> parts_;  // sorted by kind, then tag
};

}  // namespace farebox
