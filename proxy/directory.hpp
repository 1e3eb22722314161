// Directory: which provider a request is for, from its path alone.
//
// A plain object built once from the providers. Rules (design, section 3):
// /{provider}/rest goes to that provider, `rest` octet by octet; other paths go to
// the default of the dialect they belong to, where base URLs pasted with a missing,
// doubled or slashed /v1 are tolerated.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/provider.hpp"

namespace farebox {

// What besides the path tells two dialects apart on paths both have (/v1/models).
struct DialectHints {
  bool anthropic = false;  // an anthropic-version field is present
  bool gemini = false;     // an x-goog-api-key field is present
};

struct Destination {
  Provider* provider = nullptr;  // null: outside every provider
  DialectName dialect = DialectName::openai;  // whose error shape the caller reads
  std::string path;    // what the dialect recognises: behind the base URL, with its query
  std::string target;  // what is asked of the provider: base path and path
  bool named = false;  // the path says which provider: routes don't apply
};

// What asks `to` for the same as `target` asks of `from`. Empty: its API has no such path, or
// one that says more than this (Azure's deployments).
std::string target_at(const Provider& to, const Provider& from, std::string_view target);

class Directory {
 public:
  explicit Directory(const Providers& providers);

  // `target` is an origin-form: it begins with '/'.
  Destination find(std::string_view target, DialectHints hints) const;

 private:
  Provider* named(std::string_view name) const;

  const Providers& providers_;
  Provider* openai_ = nullptr;
  Provider* anthropic_ = nullptr;
  Provider* gemini_ = nullptr;
  Provider* azure_ = nullptr;
  Provider* bedrock_ = nullptr;
};

}  // namespace farebox
