// keys: who may use farebox, for what, and what their calls are counted under.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/base/digest.hpp"
#include "config/calendar_time.hpp"
#include "config/load_sections.hpp"

namespace farebox {

namespace {

Error refusal(std::string why) { return Error(ErrorCode::invalid_config, std::move(why)); }

Result<void> hash_of_key(std::string_view hash) {
  if (!parse_digest(hash)) {
    return refusal("it must be sha256: and 64 hexadecimal digits; make a key and its hash with "
                   "`farebox keys create --offline`, and keep the key itself out of this file");
  }
  return {};
}

void read_key_hash(MapReader& keys, KeySettings& key) {
  const bool from_file = keys.has("key_hash_file");
  if (!from_file) keys.require("key_hash", "key_hash: \"sha256:...\", or key_hash_file");
  // Read as a secret, because people paste the key itself here: it is never shown.
  Secret hash;
  keys.secret({"key_hash", "key_hash_file"}, hash);
  const char* const said_at = from_file ? "key_hash_file" : "key_hash";
  if (!keys.has(said_at) || keys.is_broken(said_at)) return;
  const Result<void> checked = hash_of_key(hash.reveal());
  if (!checked) {
    return keys.refuse(said_at, fmt::format("can't be used, {}", checked.error().context));
  }
  key.key_hash = digest_text(*parse_digest(hash.reveal()));
}

void read_key(MapReader& keys, const Settings& settings, KeySettings& key) {
  keys.require("name", "name: and a name that logs may show");
  keys.read("name", key.name, name_text);
  read_key_hash(keys, key);
  keys.read("org", key.org, scope_text);
  keys.read("project", key.project, scope_text);
  keys.read("user", key.user, scope_text);
  key.models = {"*"};
  keys.read("models", key.models, some_text);
  if (key.models.empty()) {
    keys.refuse("models", "is an empty list, so the key could use nothing; write [\"*\"] for all "
                          "models or remove it");
  }
  keys.read("providers", key.providers,
            [&](std::string_view name) { return check_known_provider(name, settings); });
  keys.read("dialects", key.dialects,
            [&](std::string_view name) { return check_known_dialect(name, settings); });
  for (const char* const list : {"providers", "dialects"}) {
    const bool empty = std::string_view(list) == "providers" ? key.providers.empty()
                                                             : key.dialects.empty();
    if (keys.has(list) && empty && !keys.is_broken(list)) {
      keys.refuse(list, "is an empty list, so the key could use nothing; remove it for all");
    }
  }
  std::string expires;
  keys.read("expires", expires, [](std::string_view text) -> Result<void> {
    if (calendar_time(text)) return {};
    return refusal("it is no time; write 2026-12-31, which is its first moment in UTC, or "
                   "2026-12-31T18:00:00Z");
  });
  if (!expires.empty()) key.expires = calendar_time(expires);
  keys.read("enabled", key.enabled);
  keys.map("tags", [&](MapReader& tags) {
    tags.each([&](const std::string& name, const ValueReader& value) {
      if (!is_tag_name(name)) {
        value.refuse_unseen("is not the name of a tag, it travels in a header; use letters, "
                            "digits, - _ and .");
      }
      value.into(key.tags[name], tag_value);
    });
  });
}

}  // namespace

void read_keys(MapReader& root, Settings& settings) {
  std::set<std::string> names, hashes;
  root.list("keys", [&](const ValueReader& item) {
    KeySettings& key = settings.keys.emplace_back();
    item.map([&](MapReader& keys) {
      read_key(keys, settings, key);
      if (!key.name.empty() && !names.insert(key.name).second) {
        keys.refuse("name", fmt::format("is {}, an earlier key has the same name; names are "
                                        "unique, choose another", in_quotes(key.name)));
      }
      if (!key.key_hash.empty() && !hashes.insert(key.key_hash).second) {
        keys.refuse("key_hash", "is the hash of an earlier key, a caller could not be told from "
                                "the other; make a new key");
      }
    });
  });
}

void read_auth(MapReader& keys, AuthSettings& auth) {
  keys.read("require_keys", auth.require_keys);
  keys.read("allow_anonymous", auth.allow_anonymous);
  keys.list("compatibility_headers", [&](const ValueReader& item) {
    enum class Gateway : std::uint8_t { unsaid, litellm, portkey, helicone };
    static constexpr std::array<Choice<Gateway>, 3> kGateways{{{"litellm", Gateway::litellm},
                                                               {"portkey", Gateway::portkey},
                                                               {"helicone", Gateway::helicone}}};
    Gateway gateway = Gateway::unsaid;
    item.into(gateway, kGateways);
    CompatibilityHeaders& headers = auth.compatibility_headers;
    headers.litellm |= gateway == Gateway::litellm;
    headers.portkey |= gateway == Gateway::portkey;
    headers.helicone |= gateway == Gateway::helicone;
  });
}

}  // namespace farebox
