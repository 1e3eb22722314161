#include "policy/model_names.hpp"

#include <algorithm>

#include "config/model_family.hpp"

namespace farebox {

void ModelNames::add(const Scope& scope) {
  bool counts = false;
  for (const ScopePart& part : scope.parts()) {
    if (part.kind != ScopeKind::model && part.kind != ScopeKind::snapshot) continue;
    counts = true;
    if (part.kind == ScopeKind::model && !part.each) said_.insert(part.value);
  }
  if (counts) scopes_.push_back(scope);
}

bool ModelNames::may_count(const ScopeValues& values) const {
  return std::any_of(scopes_.begin(), scopes_.end(),
                     [&](const Scope& scope) { return scope.may_match(values); });
}

ModelNames::Names ModelNames::of(std::string_view provider, std::string_view model) const {
  Names names;
  if (model.empty()) return names;
  names.snapshot = plain_model_name(model);
  names.family = family_of_plain(names.snapshot);
  if (said_.contains(names.family)) return names;
  const PriceCard* const card = prices_.find(provider, DialectName::openai, model);
  // A card for all models of a kind says nothing of this one.
  if (card == nullptr || card->model.find('*') != std::string::npos) return names;
  const std::string billed = plain_model_name(card->model);
  names.family = family_of_plain(billed);
  return names;
}

}  // namespace farebox
