// MapReader of yaml_reader.hpp: which keys a map has, which it must and may have.
#include <fmt/format.h>

#include <algorithm>

#include "config/small_file.hpp"
#include "config/suggest.hpp"
#include "config/yaml_reader.hpp"

namespace farebox {

namespace {

std::string how_to_mend_key(std::string_view key, std::span<const std::string_view> known) {
  if (key.find(':') != key.npos) return "a space must follow the colon";
  const std::string_view closest = closest_word(key, known);
  if (!closest.empty()) return fmt::format("did you mean '{}'?", closest);
  return fmt::format("remove it, the keys here are {}", listed(known));
}

}  // namespace

const YamlNode* MapReader::node_of(std::string_view key) const {
  const auto item = std::find_if(node_.items.begin(), node_.items.end(),
                                 [&](const YamlNode& each) { return each.key == key; });
  return item == node_.items.end() ? nullptr : &*item;
}

std::string MapReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::optional<ValueReader> MapReader::find(std::string_view key) {
  known_.push_back(key);
  const YamlNode* node = node_of(key);
  if (node == nullptr) return std::nullopt;
  ValueReader value(*node, path_of(key), context_);
  context_.places.emplace(value.path(), value.place());
  return value;
}

void MapReader::each(
    const std::function<void(const std::string& key, const ValueReader&)>& read_item) {
  every_key_allowed_ = true;
  for (const YamlNode& node : node_.items) {
    const ValueReader value(node, path_of(node.key), context_);
    context_.places.emplace(value.path(), value.place());
    read_item(node.key, value);
  }
}

bool MapReader::is_broken(std::string_view key) const {
  const auto said = context_.places.find(path_of(key));
  return said != context_.places.end() && said->second.broken;
}

void MapReader::require(std::string_view key, std::string_view example) const {
  if (has(key)) return;
  context_.problems.error(place(), fmt::format("{} has no '{}', which every one needs; add {}",
                                               path_, key, example));
}

void MapReader::refuse(std::string_view key, std::string_view why) const {
  const YamlNode* node = node_of(key);
  ValueReader(node == nullptr ? node_ : *node, path_of(key), context_).refuse_unseen(why);
}

bool MapReader::only_one_of(Twins keys) const {
  if (!has(keys.plain) || !has(keys.file)) return true;
  refuse(keys.file, fmt::format("stands beside {}, only one of them can count; remove one",
                                keys.plain));
  return false;
}

// What the file at `key` holds; a problem gives nothing and breaks the key.
std::vector<Secret> MapReader::secrets_of_file(std::string_view key) {
  const std::optional<ValueReader> value = find(key);
  if (!value) return {};
  std::string path;
  value->into(path, any_text);
  if (path.empty()) return {};  // refused, or "" for none
  Result<SecretFile> file = read_secret_file(path);
  if (!file) {
    // Without the value: people paste the secret itself here.
    value->refuse_unseen(fmt::format("can't be used, {}", file.error().context));
    return {};
  }
  if (file->lines.empty()) {
    value->refuse_unseen("names a file without a secret in it; write one into the file");
  }
  for (const Secret& secret : file->lines) {
    const Result<void> checked = secret_text(secret.reveal());
    if (checked) continue;
    value->refuse_unseen(fmt::format("names a file with a secret that can't be used, {}",
                                     checked.error().context));
    return {};
  }
  if (file->open_to_others) {
    value->warn_unseen("names a secret file that every user of this machine can open; run chmod "
                       "o-rwx on it");
  }
  return std::move(file->lines);
}

void MapReader::secret(Twins keys, Secret& target) {
  const bool one = only_one_of(keys);
  if (const auto value = find(keys.plain)) value->secret_into(target);
  std::vector<Secret> lines = secrets_of_file(keys.file);
  if (!one || lines.empty()) return;
  if (lines.size() > 1) {
    return refuse(keys.file, "names a file with more than one line; leave only the secret in it");
  }
  target = std::move(lines.front());
}

void MapReader::secrets(Twins keys, std::vector<Secret>& target) {
  const bool one = only_one_of(keys);
  list(keys.plain, [&](const ValueReader& item) {
    Secret secret;
    if (item.secret_into(secret) && secret.empty()) {
      item.refuse_unseen("is empty, which is no key; write one, or remove it so that the callers' "
                         "own keys pass through");
    }
    target.push_back(std::move(secret));
  });
  std::vector<Secret> lines = secrets_of_file(keys.file);
  if (one && !lines.empty()) target = std::move(lines);
}

void MapReader::report_unknown_keys() const {
  if (every_key_allowed_) return;
  for (const YamlNode& item : node_.items) {
    if (std::find(known_.begin(), known_.end(), item.key) != known_.end()) continue;
    const std::string under = path_.empty() ? "at the top level" : "under " + path_;
    context_.problems.error(
        {context_.file, item.line},
        fmt::format("unknown key {} {}, it is not one farebox knows; {}", key_in_quotes(item.key),
                    under, how_to_mend_key(item.key, known_)));
  }
}

}  // namespace farebox
