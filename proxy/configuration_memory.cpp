#include "proxy/configuration_memory.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/base/digest.hpp"
#include "config/base/json_writer.hpp"
#include "proxy/configuration_state.hpp"

namespace farebox {
namespace {

using Json = nlohmann::ordered_json;  // a reader finds members where they were

std::string random_text() {
  unsigned char octets[16] = {};
  RAND_bytes(octets, sizeof octets);
  std::string text;
  for (const unsigned char octet : octets) text += fmt::format("{:02x}", octet);
  return text;
}

std::string digest_of_defaults() {
  std::string all;
  for (const auto& [key, digest] : digests_of(Settings(), "")) all += key + digest;
  Settings one;
  one.providers.emplace_back();
  for (const auto& [key, digest] : digests_of(one, "")) all += key + digest;
  return digest_text(sha256(all));
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// Of states that two versions wrote: what both know of and isn't the same.
std::vector<std::string> changed_members(const Json& before, const Json& now) {
  std::vector<std::string> changed;
  for (const auto& [member, key] : {std::pair{"providers", "providers"}, std::pair{"keys", "keys"},
                                    std::pair{"requireKeys", "auth"}, std::pair{"budgets", "budgets"},
                                    std::pair{"rateLimits", "rate_limits"}}) {
    if (before.contains(member) && now.contains(member) && before[member] != now[member]) {
      changed.emplace_back(key);
    }
  }
  return changed;
}

}  // namespace

ConfigurationMemory::ConfigurationMemory(std::unique_ptr<OctetStore> store, Logger& log)
    : store_(std::move(store)), log_(log) {}

std::optional<ConfigurationMemory::Kept> ConfigurationMemory::read(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto said = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto keys = json.find("keys"), state = json.find("state");
  if (keys == json.end() || !keys->is_object() || state == json.end()) return std::nullopt;
  Kept kept{said("salt"), said("defaults"), said("priceVersion"), state->dump(), {}};
  for (const auto& [key, digest] : keys->items()) {
    if (!digest.is_string()) return std::nullopt;
    kept.keys.emplace(key, digest.get<std::string>());
  }
  if (kept.salt.empty() || kept.defaults.empty()) return std::nullopt;
  return kept;
}

void ConfigurationMemory::set_aside(std::string_view why) {
  const auto place = store_->set_aside();
  log_.warn("what the last run was configured with can't be read; it isn't compared",
            {{"why", why}, {"kept", place ? std::string_view(*place) : std::string_view()}});
}

std::optional<AuditChange> ConfigurationMemory::compare(const Configuration& now) {
  if (!store_) return std::nullopt;
  const auto text = store_->load();
  if (!text) {
    if (text.error().code != ErrorCode::not_found) set_aside(text.error().context);
    return std::nullopt;
  }
  auto kept = read(*text);
  if (!kept) {
    set_aside("it is of another shape");
    return std::nullopt;
  }
  salt_ = kept->salt;
  const std::string state = configuration_state(now);
  // Another version says the same in other words.
  std::vector<std::string> changed =
      kept->defaults == digest_of_defaults()
          ? changed_keys(kept->keys, digests_of(now.settings, salt_))
          : changed_members(Json::parse(kept->state, nullptr, false), Json::parse(state, nullptr, false));
  const bool prices_named = std::find(changed.begin(), changed.end(), "prices") != changed.end();
  if (kept->prices != now.prices.version() && !prices_named) changed.emplace_back("prices");
  if (changed.empty()) return std::nullopt;
  return AuditChange{"config.start", joined(changed), std::move(kept->state), state, {}};
}

void ConfigurationMemory::keep(const Configuration& now) {
  if (!store_) return;
  if (salt_.empty()) salt_ = random_text();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("version").number(std::uint64_t{1});
  json.key("salt").string(salt_).key("defaults").string(digest_of_defaults());
  json.key("priceVersion").string(now.prices.version());
  json.key("keys").begin_object();
  for (const auto& [key, digest] : digests_of(now.settings, salt_)) json.foreign_key(key).string(digest);
  json.end_object();
  json.key("state").raw(configuration_state(now));
  json.end_object();
  if (const auto saved = store_->save(out); !saved) {
    log_.warn("what farebox is configured with wasn't kept for the next start",
              {{"why", saved.error().context}});
  }
}

}  // namespace farebox
