#include "proxy/stored_key.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"
#include "config/calendar_time.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kShown = 7;  // fb- and 4 more

Error no_randomness() {
  return Error(ErrorCode::io_failed, "the system gives no randomness for a key; try again");
}

void write_list(JsonWriter& json, std::string_view name, const std::vector<std::string>& items) {
  json.key(name).begin_array();
  for (const std::string& item : items) json.string(item);
  json.end_array();
}

void write_time(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  if (time) json.key(name).string(rfc3339(*time));
}

std::optional<WallTime> time_of(const Json& json, const char* name) {
  if (!json.contains(name)) return std::nullopt;
  const auto time = calendar_time(json.at(name).get<std::string>());
  if (!time) throw std::runtime_error("no time");
  return time;
}

// Throws what nlohmann throws, and runtime_error, where it isn't what was written.
StoredKey parse(std::string_view id, const Json& json) {
  StoredKey stored;
  VirtualKey& key = stored.key;
  key.id = id;
  key.name = json.at("name").get<std::string>();
  key.org = json.at("org").get<std::string>();
  key.project = json.at("project").get<std::string>();
  key.user = json.at("user").get<std::string>();
  key.models = json.at("models").get<std::vector<std::string>>();
  key.providers = json.at("providers").get<std::vector<std::string>>();
  key.dialects = json.at("dialects").get<std::vector<std::string>>();
  key.tags = json.at("tags").get<std::map<std::string, std::string>>();
  for (const Json& each : json.at("hashes")) {
    const auto digest = parse_digest(each.at("hash").get<std::string>());
    if (!digest) throw std::runtime_error("no hash");
    key.hashes.push_back({*digest, time_of(each, "ends")});
  }
  key.expires = time_of(json, "expires");
  stored.prefix = json.at("prefix").get<std::string>();
  stored.created = time_of(json, "created");
  stored.revoked = time_of(json, "revoked");
  key.revoked = stored.revoked.has_value();
  return stored;
}

}  // namespace

Result<Secret> make_virtual_key() {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 33> octets{};  // the last one stays 0
  if (RAND_bytes(octets.data(), 32) != 1) return no_randomness();
  std::string text = "fb-";
  text.reserve(48);
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const unsigned group = octets[i] << 16 | octets[i + 1] << 8 | octets[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) text += kAlphabet[group >> shift & 63];
  }
  text.pop_back();  // 32 octets are 43 characters
  OPENSSL_cleanse(octets.data(), octets.size());
  return Secret(std::move(text));
}

std::string shown_prefix(const Secret& key) { return std::string(key.reveal().substr(0, kShown)); }

Result<std::string> make_key_id() {
  unsigned char octets[8] = {};
  if (RAND_bytes(octets, sizeof octets) != 1) return no_randomness();
  std::string id = "key_";
  for (const unsigned char octet : octets) id += fmt::format("{:02x}", octet);
  return id;
}

std::string write_stored_key(const StoredKey& stored) {
  const VirtualKey& key = stored.key;
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("name").string(key.name);
  json.key("prefix").string(stored.prefix);
  json.key("org").string(key.org);
  json.key("project").string(key.project);
  json.key("user").string(key.user);
  json.key("tags").begin_object();
  for (const auto& [name, value] : key.tags) json.foreign_key(name).string(value);
  json.end_object();
  write_list(json, "models", key.models);
  write_list(json, "providers", key.providers);
  write_list(json, "dialects", key.dialects);
  json.key("hashes").begin_array();
  for (const VirtualKey::Hash& hash : key.hashes) {
    json.begin_object().key("hash").string(digest_text(hash.digest));
    write_time(json, "ends", hash.ends);
    json.end_object();
  }
  json.end_array();
  write_time(json, "created", stored.created);
  write_time(json, "expires", key.expires);
  write_time(json, "revoked", stored.revoked);
  json.end_object();
  return text;
}

Result<StoredKey> read_stored_key(std::string_view id, std::string_view json) {
  try {
    return parse(id, Json::parse(json));
  } catch (const std::exception&) {
    return Error(ErrorCode::ledger_damaged,
                 fmt::format("the document of the key '{}' can't be read; restore the directory "
                             "'documents' in data_dir from a backup", id));
  }
}

}  // namespace farebox
