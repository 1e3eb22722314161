#include "policy/scope.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "config/model_family.hpp"

namespace farebox {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"org", "project", "user",
                                                    "key", "model",   "provider"};
constexpr std::string_view kTagPrefix = "tag.";

Result<ScopePart> part_of(const std::string& name, const std::string& value) {
  ScopePart part;
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) {
    part.kind = static_cast<ScopeKind>(found - kNames.begin());
  } else if (name.size() > kTagPrefix.size() && name.starts_with(kTagPrefix)) {
    part.kind = ScopeKind::tag;
    part.tag = name.substr(kTagPrefix.size());
  } else {
    return Error(ErrorCode::invalid_config,
                 "'" + name + "' is no dimension of a scope; there are org, project, user, key, "
                 "model, provider and tag.<name>");
  }
  if (value.empty()) {
    return Error(ErrorCode::invalid_config,
                 "the scope's " + name + " is empty; name one, or write \"*\" for each by itself");
  }
  part.each = value == "*";
  if (part.each) return part;
  part.value = value;
  if (part.kind == ScopeKind::model) {
    part.value = plain_model_name(value);
    if (family_of_plain(part.value) != part.value) part.kind = ScopeKind::snapshot;
  }
  return part;
}

}  // namespace

std::string_view ScopePart::value_of(const ScopeValues& values) const {
  switch (kind) {
    case ScopeKind::org: return values.org;
    case ScopeKind::project: return values.project;
    case ScopeKind::user: return values.user;
    case ScopeKind::key: return values.key;
    case ScopeKind::model: return values.family.empty() ? values.model : values.family;
    case ScopeKind::snapshot: return values.snapshot.empty() ? values.model : values.snapshot;
    case ScopeKind::provider: return values.provider;
    case ScopeKind::tag: break;
  }
  if (values.tags == nullptr) return {};
  const auto found = values.tags->find(tag);
  return found == values.tags->end() ? std::string_view() : std::string_view(found->second);
}

void ScopePart::put_value(const std::string& value_put, ScopeValues& values,
                          std::map<std::string, std::string>& tags) const {
  switch (kind) {
    case ScopeKind::org: values.org = value_put; break;
    case ScopeKind::project: values.project = value_put; break;
    case ScopeKind::user: values.user = value_put; break;
    case ScopeKind::key: values.key = value_put; break;
    case ScopeKind::model: values.family = value_put; break;
    case ScopeKind::snapshot: values.snapshot = value_put; break;
    case ScopeKind::provider: values.provider = value_put; break;
    case ScopeKind::tag: tags[tag] = value_put; break;
  }
}

std::string ScopePart::name() const {
  if (kind == ScopeKind::tag) return std::string(kTagPrefix) + tag;
  if (kind == ScopeKind::snapshot) return "model";
  return std::string(kNames[static_cast<std::size_t>(kind)]);
}

Result<Scope> Scope::make(const ScopeSettings& said) {
  Scope scope;
  for (const auto& [name, value] : said) {
    auto part = part_of(name, value);
    if (!part) return part.error();
    scope.parts_.push_back(std::move(*part));
  }
  std::sort(scope.parts_.begin(), scope.parts_.end(), [](const ScopePart& a, const ScopePart& b) {
    return std::tie(a.kind, a.tag) < std::tie(b.kind, b.tag);
  });
  return scope;
}

namespace {

bool part_matches(const ScopePart& part, const ScopeValues& values) {
  const std::string_view value = part.value_of(values);
  return part.each ? !value.empty() : value == part.value;
}

bool is_of_model(const ScopePart& part) {
  return part.kind == ScopeKind::model || part.kind == ScopeKind::snapshot;
}

}  // namespace

bool Scope::matches(const ScopeValues& values) const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [&](const ScopePart& part) { return part_matches(part, values); });
}

bool Scope::may_match(const ScopeValues& values) const {
  return std::any_of(parts_.begin(), parts_.end(), is_of_model) &&
         std::all_of(parts_.begin(), parts_.end(), [&](const ScopePart& part) {
           return is_of_model(part) || part_matches(part, values);
         });
}

}  // namespace farebox
