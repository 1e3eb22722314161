// keys: who may use what.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/load_sections.hpp"
#include "config/suggest.hpp"
#include "config/text_rules.hpp"

namespace farebox {

namespace {

Error refusal(std::string why) { return Error(ErrorCode::invalid_config, std::move(why)); }

// Tags travel in one header as a=b,c=d.
Result<void> tag_value(std::string_view value) {
  if (value.find(',') != value.npos) {
    return refusal("the value of a tag can't hold a comma, which separates tags; use another "
                   "character");
  }
  return name_text(value);
}

Result<void> hash_of_key(std::string_view hash) {
  constexpr std::string_view kPrefix = "sha256:";
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  if (!hash.starts_with(kPrefix) || hash.size() != kPrefix.size() + 64 ||
      !std::all_of(hash.begin() + kPrefix.size(), hash.end(), is_hex)) {
    return refusal("it must be sha256: and 64 hexadecimal digits; make one with `printf %s KEY | "
                   "sha256sum`, and keep the key itself out of this file");
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
  key.key_hash = hash.reveal();
  std::transform(key.key_hash.begin(), key.key_hash.end(), key.key_hash.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
}

void read_key(MapReader& keys, KeySettings& key) {
  keys.require("name", "name: and a name that logs may show");
  keys.read("name", key.name, name_text);
  read_key_hash(keys, key);
  keys.read("org", key.org, any_text);
  keys.read("project", key.project, any_text);
  keys.read("user", key.user, any_text);
  key.models = {"*"};
  keys.read("models", key.models, some_text);
  if (key.models.empty()) {
    keys.refuse("models", "is an empty list, so the key could use nothing; write [\"*\"] for all "
                          "models or remove it");
  }
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
      read_key(keys, key);
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

}  // namespace farebox
