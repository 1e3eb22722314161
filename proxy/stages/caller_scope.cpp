#include "proxy/stages/caller_scope.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "proxy/presented_key.hpp"

namespace farebox::stages {
namespace {

constexpr std::size_t kMaxValue = 128;   // octets
constexpr std::size_t kMaxTagName = 64;
constexpr std::size_t kMaxTags = 16;
constexpr std::string_view kProperty = "helicone-property-";

Error bad(std::string why) {
  return Error(ErrorCode::bad_request, Fault::client, Retry::no, std::move(why));
}

Error mismatch(std::string_view header, std::string_view what) {
  return Error(ErrorCode::scope_mismatch, Fault::client, Retry::no,
               fmt::format("{} names another {} than the farebox key does; leave the header out or "
                           "use a key of that {}", header, what, what));
}

Result<void> check_size(std::string_view header, std::string_view value) {
  if (value.size() <= kMaxValue) return {};
  return bad(fmt::format("a value in {} is longer than {} octets; shorten it", header, kMaxValue));
}

// What the key says stands: saying the same again is fine, another thing isn't.
Result<void> fill(const http::RequestHead& head, std::string_view header, std::string_view what,
                  std::string& field) {
  const std::string_view value = head.value(header);
  for (const http::Field& other : head.fields) {
    // A proxy in front may have added its own: whose counts, nobody can tell.
    if (http::equals_ignoring_case(other.name, header) && other.value != value) {
      return bad(fmt::format("{} stands there twice and says two things; send it once", header));
    }
  }
  if (value.empty()) return {};
  if (const auto fits = check_size(header, value); !fits) return fits;
  if (!field.empty() && field != value) return mismatch(header, what);
  field = value;
  return {};
}

enum class Clash : std::uint8_t { refuse, keep };

Result<void> add_tag(std::string_view header, std::string_view name, std::string_view value,
                     Clash clash, Caller& caller) {
  if (name.empty() || name.size() > kMaxTagName) {
    return bad(fmt::format("{} has a tag whose name isn't 1 to {} octets long", header, kMaxTagName));
  }
  if (const auto fits = check_size(header, value); !fits) return fits;
  const auto [tag, is_new] = caller.tags.emplace(name, value);
  if (!is_new && tag->second != value && clash == Clash::refuse) return mismatch(header, "tag value");
  if (caller.tags.size() > kMaxTags) {
    return bad(fmt::format("{} makes more than {} tags; send fewer", header, kMaxTags));
  }
  return {};
}

// a=b,c=d. `alone` is the value of a name without one; empty: that is refused.
Result<void> add_tags(const http::RequestHead& head, std::string_view header,
                      std::string_view alone, Clash clash, Caller& caller) {
  std::string_view list = head.value(header);
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view pair = http::trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::string_view value = alone;
    if (equals != std::string_view::npos) value = http::trim(pair.substr(equals + 1));
    if (equals == std::string_view::npos && alone.empty()) {
      return bad(fmt::format("{} is a list of pairs such as team=search,tier=free", header));
    }
    const auto added = add_tag(header, http::trim(pair.substr(0, equals)), value, clash, caller);
    if (!added) return added;
  }
  return {};
}

Result<void> fill_user(std::string_view header, std::string_view value, Caller& caller) {
  if (const auto fits = check_size(header, value); !fits) return fits;
  if (caller.user.empty()) caller.user = value;
  return {};
}

// Portkey: an object of strings, of which _user is the user.
Result<void> read_portkey(const http::RequestHead& head, Caller& caller) {
  constexpr std::string_view kHeader = "x-portkey-metadata";
  const std::string_view text = head.value(kHeader);
  if (text.empty()) return {};
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return bad("x-portkey-metadata is no JSON object; send {\"env\":\"prod\"}");
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) continue;
    const auto& said = value.get_ref<const std::string&>();
    const auto done = name == "_user" ? fill_user(kHeader, said, caller)
                                      : add_tag(kHeader, name, said, Clash::keep, caller);
    if (!done) return done;
  }
  return {};
}

// Helicone-Property-NAME: VALUE. Names of fields have no case, so the tag's is lower.
Result<void> read_helicone(const http::RequestHead& head, Caller& caller) {
  for (const http::Field& field : head.fields) {
    if (field.name.size() <= kProperty.size() ||
        !http::equals_ignoring_case(field.name.substr(0, kProperty.size()), kProperty)) {
      continue;
    }
    std::string name(field.name.substr(kProperty.size()));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const auto added = add_tag(field.name, name, field.value, Clash::keep, caller);
    if (!added) return added;
  }
  return fill_user("helicone-user-id", head.value("helicone-user-id"), caller);
}

}  // namespace

void read_said_scope(const SaidScope& said, Caller& caller) {
  // What could be a key of ours is nobody's name.
  if (caller.user.empty() && virtual_key_within(said.user).empty()) caller.user = said.user;
  for (const auto& [name, value] : said.metadata) {
    if (caller.tags.size() >= kMaxTags) return;
    if (!virtual_key_within(name).empty() || !virtual_key_within(value).empty()) continue;
    if (!name.empty() && value.size() <= kMaxValue) caller.tags.emplace(name, value);
  }
}

Result<void> read_caller_scope(const http::RequestHead& head, const CompatibilityHeaders& others,
                               Caller& caller) {
  struct Row {
    std::string_view header, what;
    std::string& field;
  };
  for (const Row& row : {Row{"x-farebox-org", "org", caller.org},
                         Row{"x-farebox-project", "project", caller.project},
                         Row{"x-farebox-user", "user", caller.user}}) {
    if (const auto filled = fill(head, row.header, row.what, row.field); !filled) return filled;
  }
  const auto tagged = add_tags(head, "x-farebox-tags", "", Clash::refuse, caller);
  if (!tagged) return tagged;
  if (others.litellm) {
    const auto read = add_tags(head, "x-litellm-tags", "true", Clash::keep, caller);
    if (!read) return read;
  }
  if (others.portkey) {
    if (const auto read = read_portkey(head, caller); !read) return read;
  }
  return others.helicone ? read_helicone(head, caller) : Result<void>();
}

}  // namespace farebox::stages
