// ModelNames: what scopes call the model of a request.
//
// A request is counted with the family its price is of: "openai/GPT-4o-2024-08-06" is a
// "gpt-4o", and so is every alias that is billed as one. A name that a rule says goes before
// what the price table makes of it. Never changed; any thread may ask.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/price_table.hpp"
#include "policy/scope.hpp"

namespace farebox {

class ModelNames {
 public:
  struct Names {
    std::string family, snapshot;
  };

  ModelNames() = default;
  explicit ModelNames(PriceTable prices) : prices_(std::move(prices)) {}

  // The models that this scope counts. Before the first question.
  void add(const Scope& scope);
  // Does any scope count models? Else nobody needs to ask.
  bool any() const { return !scopes_.empty(); }

  // Could a scope count this request, if only its model were known?
  bool may_count(const ScopeValues& values) const;

  // `provider` is the configured name.
  Names of(std::string_view provider, std::string_view model) const;

 private:
  PriceTable prices_;
  std::set<std::string, std::less<>> said_;  // families
  std::vector<Scope> scopes_;  // those that count models
};

}  // namespace farebox
