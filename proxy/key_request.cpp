#include "proxy/key_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/calendar_time.hpp"
#include "config/load_sections.hpp"
#include "config/scalars.hpp"
#include "config/suggest.hpp"
#include "config/text_rules.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostInAList = 200;
constexpr std::size_t kMostTags = 16;
constexpr std::chrono::hours kLongestOverlap{24 * 90};

Error bad(std::string why) { return Error(ErrorCode::bad_request, std::move(why)); }

// Reads members of an object; the first mistake stays.
class Members {
 public:
  Members(std::string_view body, std::initializer_list<std::string_view> known)
      : json_(Json::parse(body, nullptr, false)) {
    if (!json_.is_object()) {
      error_ = bad(R"(the body is no JSON object; send one such as {"name":"search-app"})");
      return;
    }
    const std::vector<std::string_view> names(known);
    for (const auto& [name, value] : json_.items()) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      refuse(name, fmt::format("isn't known here; {}", did_you_mean(name, names)));
    }
  }

  bool has(const char* name) const {
    return json_.is_object() && json_.contains(name) && !json_[name].is_null();
  }

  void text(const char* name, std::string& into, const TextRule& rule) {
    if (!has(name)) return;
    check(name, json_[name], rule, into);
  }

  void list(const char* name, std::vector<std::string>& into, const TextRule& rule) {
    if (!has(name)) return;
    const Json& items = json_[name];
    if (!items.is_array() || items.empty() || items.size() > kMostInAList) {
      return refuse(name, fmt::format("is no list of 1 to {} texts; leave it out for all",
                                      kMostInAList));
    }
    into.clear();
    for (const Json& item : items) check(name, item, rule, into.emplace_back());
  }

  void tags(const char* name, std::map<std::string, std::string>& into) {
    if (!has(name)) return;
    const Json& items = json_[name];
    if (!items.is_object() || items.size() > kMostTags) {
      return refuse(name, fmt::format("is no object of at most {} texts", kMostTags));
    }
    for (const auto& [tag, value] : items.items()) {
      if (!is_tag_name(tag)) {
        return refuse(name, "has a name that isn't 1 to 64 letters, digits, - _ and .");
      }
      check(name, value, tag_value, into[tag]);
    }
  }

  void refuse(std::string_view name, std::string_view why) {
    if (error_.code != ErrorCode::none) return;
    // Names of others are cut: an answer isn't the place for them.
    error_ = bad(fmt::format("'{}' {}", name.substr(0, 64), why));
  }

  const Error& error() const { return error_; }

 private:
  void check(const char* name, const Json& value, const TextRule& rule, std::string& into) {
    if (!value.is_string()) return refuse(name, "holds something that is no text");
    const auto& said = value.get_ref<const std::string&>();
    if (const auto right = rule(said); !right) {
      return refuse(name, fmt::format("can't be used: {}", right.error().context));
    }
    into = said;
  }

  const Json json_;
  Error error_;
};

}  // namespace

Result<VirtualKey> read_key_request(std::string_view body, const Settings& settings, WallTime now) {
  Members members(body, {"name", "org", "project", "user", "models", "providers", "dialects", "tags",
                         "expires"});
  VirtualKey key;
  if (!members.has("name")) members.refuse("name", "is missing; records and lists show it");
  members.text("name", key.name, name_text);
  members.text("org", key.org, scope_text);
  members.text("project", key.project, scope_text);
  members.text("user", key.user, scope_text);
  key.models = {"*"};
  members.list("models", key.models, name_text);
  members.list("providers", key.providers, [&](std::string_view name) {
    return check_known_provider(name, settings);
  });
  members.list("dialects", key.dialects, [&](std::string_view name) {
    return check_known_dialect(name, settings);
  });
  members.tags("tags", key.tags);
  std::string expires;
  members.text("expires", expires, any_text);
  if (members.has("expires")) {
    key.expires = calendar_time(expires);
    if (!key.expires) {
      members.refuse("expires", "is no time; write 2026-12-31, which is its first moment in UTC, or "
                                "2026-12-31T18:00:00Z");
    } else if (*key.expires <= now) {
      members.refuse("expires", "is over already; name a time to come");
    }
  }
  if (members.error().code != ErrorCode::none) return members.error();
  return key;
}

Result<RotateRequest> read_rotate_request(std::string_view body) {
  Members members(body, {"id", "name", "overlap"});
  RotateRequest request;
  members.text("name", request.which, name_text);
  members.text("id", request.which, name_text);
  if (request.which.empty()) members.refuse("id", "is missing; GET /api/keys lists them");
  std::string overlap;
  members.text("overlap", overlap, any_text);
  if (!overlap.empty()) {
    const auto parsed = parse_duration(overlap);
    if (parsed && *parsed <= kLongestOverlap) {
      request.overlap = *parsed;
    } else {
      members.refuse("overlap", "is no time of up to 90d; write 24h, or 0s to end the old key now");
    }
  }
  if (members.error().code != ErrorCode::none) return members.error();
  return request;
}

}  // namespace farebox
