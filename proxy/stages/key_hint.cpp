#include "proxy/stages/key_hint.hpp"

#include <fmt/format.h>

#include "proxy/headers.hpp"

namespace farebox::stages {
namespace {

enum Hint : std::uint8_t { no_key, key_refused };

bool carries_key(const http::RequestHead& head, const Provider& provider) {
  if (head.has(provider.dialect.credential().header)) return true;
  for (const std::string_view name : {"authorization", "x-api-key", "api-key", "x-goog-api-key"}) {
    if (!head.value(name).empty()) return true;
  }
  return !query_parameter(head.target, "key").empty();
}

}  // namespace

void hint_about_keys(Logger& log, const http::RequestHead& head, int status, Provider& provider) {
  // Gemini answers 403 where there is no key; a 403 to a key can mean much else.
  if (status != 401 && status != 403) return;
  const std::string& name = provider.settings.name;
  if (provider.has_keys()) {
    if (status == 401 && provider.first_hint(key_refused)) {
      log.warn("a provider refuses its key",
               {{"provider", name},
                {"hint", fmt::format("check providers.{}.api_keys and the environment variable or "
                                     "file it names",
                                     name)}});
    }
  } else if (!carries_key(head, provider) && provider.first_hint(no_key)) {
    log.warn("a provider asks for a key and the client sent none",
             {{"provider", name},
              {"hint", fmt::format("set the key in the client, such as OPENAI_API_KEY, or give one "
                                   "to farebox as providers.{}.api_keys",
                                   name)}});
  }
}

}  // namespace farebox::stages
