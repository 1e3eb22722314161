#include "proxy/admin_cache.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"
#include "policy/key_ring.hpp"
#include "proxy/cache_document.hpp"
#include "proxy/dialect/json_members.hpp"
#include "proxy/http/text.hpp"
#include "proxy/presented_key.hpp"
#include "storage/answer_match.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostNames = 1'000;
constexpr std::size_t kMostName = 1'024;
constexpr std::uint32_t kFastest = 1'000;    // requests a second
constexpr std::uint32_t kMostAtOnce = 64;

AdminAnswer no_cache() {
  return admin_error(409, "cache_disabled",
                     "there is no cache; set cache: {enabled: true} in the configuration and reload");
}

// A text or a list of texts. False: something else, or too much.
bool read_names(const Json& json, const char* name, std::vector<std::string>& into) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return true;
  const auto take = [&](const Json& each) {
    if (!each.is_string() || into.size() == kMostNames) return false;
    const auto& text = each.get_ref<const std::string&>();
    if (text.empty() || text.size() > kMostName) return false;
    into.push_back(text);
    return true;
  };
  if (!found->is_array()) return take(*found);
  for (const Json& each : *found) {
    if (!take(each)) return false;
  }
  return true;
}

std::uint32_t number_at(const Json& json, const char* name, std::uint32_t usual, std::uint32_t most) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_unsigned()) return usual;
  const auto said = found->get<std::uint64_t>();
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(std::max<std::uint64_t>(said, 1), most));
}

bool is_header(std::string_view name, std::string_view value) {
  if (!http::is_token(name) || name.size() > 128 || value.size() > 8'192) return false;
  for (const char c : value) {
    if (!http::is_field_value_char(c)) return false;
  }
  for (const std::string_view ours : {"host", "connection", "content-length", "transfer-encoding",
                                      "expect", "upgrade", "te", "trailer"}) {
    if (http::equals_ignoring_case(name, ours)) return false;
  }
  return true;
}

// One request of a list as octets, its body as it was written. Empty: it can't be one; `why` says
// what is missing.
std::string request_of(std::string_view text, const std::string& usual_path, const std::string& key,
                       std::string& why) {
  why = "each request is an object such as {\"path\": \"/v1/embeddings\", \"body\": {...}}";
  const JsonMembers members(text, {"path", "body", "headers"});
  if (!members.whole()) return {};
  const bool wrapped = members.has("body");
  const std::string_view body = wrapped ? members["body"] : text;
  std::string path = usual_path;
  if (wrapped && members.has("path")) {
    const auto said = members.string("path");
    if (!said) return {};
    path = said->decoded();
  }
  if (!path.starts_with('/') || path.size() > 4'096) {
    why = "a request has no path: say one beside its body, or one for all as \"path\"";
    return {};
  }
  for (const char c : path) {
    if (!http::is_target_char(c)) return {};
  }
  if (json_kind(body) != JsonCursor::Kind::object) return {};
  std::string fields = "Host: farebox\r\nContent-Type: application/json\r\n";
  if (!key.empty()) fields += "x-farebox-key: " + key + "\r\n";
  bool good = true;
  if (wrapped && members.has("headers")) {
    JsonCursor headers(members["headers"]);
    good = headers.each_member([&](std::string_view name) {
      const auto value = headers.string();
      const std::string said = value ? value->decoded() : std::string();
      good = good && value && is_header(name, said);
      fields.append(name).append(": ").append(said).append("\r\n");
    }) && good;
  }
  if (!good) {
    why = "a request's headers hold something that isn't one, or that frames the request";
    return {};
  }
  http::RequestHead head;
  head.method = "POST";
  return errand_request(head, path, fields, body);
}

CacheWarmer::Pace pace_of(const Json& options) {
  return {number_at(options, "perSecond", 10, kFastest), number_at(options, "concurrency", 4, kMostAtOnce)};
}

AdminAnswer already_warming() {
  return admin_error(409, "already_warming",
                     "a list is being warmed; GET /api/cache/warm tells how far it is");
}

}  // namespace

AdminAnswer answer_cache_stats(const AdminView& view, const AdminRequest&) {
  AnswerDesk& desk = view.services.answers;
  const AnswerCache* const cache = desk.cache();
  CacheSight sight;
  sight.enabled = view.services.settings.cache.enabled;
  sight.coalesced = desk.coalesced.load(std::memory_order_relaxed);
  sight.running = desk.flights().running();
  sight.hit_latency_us = desk.hits.mean_us();
  sight.miss_latency_us = desk.misses.mean_us();
  sight.saved = desk.saved();
  AdminAnswer answer;
  answer.body = cache_document(cache == nullptr ? AnswerCacheStats() : cache->stats(), sight);
  return answer;
}

AdminAnswer answer_cache_invalidate(const AdminView& view, const AdminRequest& request) {
  AnswerCache* const cache = view.services.answers.cache();
  if (cache == nullptr) return no_cache();
  const Json json = Json::parse(request.body, nullptr, false);
  if (!json.is_object()) {
    return bad_request("the body must be a JSON object with key, pattern, tags or dependsOn");
  }
  for (const auto& [name, value] : json.items()) {
    static_cast<void>(value);
    if (name != "key" && name != "keys" && name != "pattern" && name != "tags" && name != "tag" &&
        name != "dependsOn") {
      return bad_request(fmt::format("'{}' is nothing to invalidate by; use key, pattern, tags or "
                                  "dependsOn", name.substr(0, 64)));
    }
  }
  Invalidation what;
  std::vector<std::string> keys, patterns;
  const bool read = read_names(json, "key", keys) && read_names(json, "keys", keys) &&
                    read_names(json, "pattern", patterns) && read_names(json, "tags", what.tags) &&
                    read_names(json, "tag", what.tags) &&
                    read_names(json, "dependsOn", what.depends_on);
  if (!read || patterns.size() > 1) {
    return bad_request("key, pattern, tags and dependsOn are texts, or lists of texts (but for "
                    "pattern)");
  }
  for (const std::string& text : keys) {
    const auto key = key_of_text(text);
    if (!key) {
      return bad_request("a key is 64 hexadecimal digits, as GET /api/cache/stats lists them");
    }
    what.keys.push_back(*key);
  }
  if (!patterns.empty()) what.pattern = patterns.front();
  if (what.keys.empty() && what.pattern.empty() && what.tags.empty() && what.depends_on.empty()) {
    return bad_request("say what to forget: key, pattern (\"*\" is everything), tags or dependsOn");
  }
  const std::uint64_t count = cache->invalidate(what);
  AdminAnswer answer;
  JsonWriter(answer.body).begin_object().key("invalidated").number(count).end_object();
  answer.change = AuditChange{"cache.invalidate", "", "", json.dump().substr(0, 2'000), ""};
  return answer;
}

namespace {

// What was asked most often, each with the key that asked.
AdminAnswer warm_repeated(const AdminView& view, const AdminRequest& request, const Json& options) {
  if (!options["repeated"].is_number_unsigned() || options.contains("requests") ||
      options.contains("key")) {
    return bad_request("repeated is how many of the requests that were asked most often are asked again, "
                    "each with its own key; nothing else but perSecond and concurrency goes with it");
  }
  AnswerDesk& desk = view.services.answers;
  const auto most = std::min<std::uint64_t>(options["repeated"].get<std::uint64_t>(), RepeatedRequests::kMost);
  if (!desk.warmer().start(desk.repeated().most_repeated(static_cast<std::size_t>(most)), pace_of(options))) {
    return already_warming();
  }
  AdminAnswer answer = answer_cache_warming(view, request);
  answer.status = 202;
  return answer;
}

}  // namespace

AdminAnswer answer_cache_warm(const AdminView& view, const AdminRequest& request) {
  if (view.services.answers.cache() == nullptr) return no_cache();
  std::vector<std::string_view> list;
  Json options = Json::object();
  const bool lines = request.content_type.find("ndjson") != std::string_view::npos ||
                     request.content_type.find("jsonl") != std::string_view::npos;
  if (lines) {
    std::string_view rest = request.body;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      list.push_back(line);
    }
    for (const auto& [name, value] : request.query) options[name] = value;
    for (const char* const name : {"perSecond", "concurrency"}) {
      const auto found = request.query.find(name);
      if (found != request.query.end()) options[name] = Json::parse(found->second, nullptr, false);
    }
  } else {
    options = Json::parse(request.body, nullptr, false);
    if (options.is_object() && options.contains("repeated")) {
      return warm_repeated(view, request, options);
    }
    if (!options.is_object() || !options.contains("requests") || !options["requests"].is_array()) {
      return bad_request("the body is {\"requests\": [{\"path\", \"body\"}]}, or JSON lines with "
                      "content-type application/x-ndjson");
    }
    const JsonMembers members(request.body, {"requests"});
    each_value(members["requests"], [&](std::string_view each) { list.push_back(each); });
    options.erase("requests");
  }
  if (list.empty() || list.size() > CacheWarmer::kMostRequests) {
    return bad_request(fmt::format("between 1 and {} requests can be warmed at once",
                                CacheWarmer::kMostRequests));
  }
  const auto text_at = [&](const char* name) {
    const auto found = options.find(name);
    return found != options.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string key = text_at("key");
  if (!key.empty() && !looks_like_virtual_key(key)) {
    return bad_request("key is a virtual key (fb-...), whose budgets and limits hold for the requests");
  }
  std::vector<std::string> requests;
  for (const std::string_view each : list) {
    std::string why;
    std::string octets = request_of(each, text_at("path"), key, why);
    if (octets.empty()) return bad_request(why);
    requests.push_back(std::move(octets));
  }
  if (!view.services.answers.warmer().start(std::move(requests), pace_of(options))) {
    return already_warming();
  }
  AdminAnswer answer = answer_cache_warming(view, request);
  answer.status = 202;
  return answer;
}

AdminAnswer answer_cache_warming(const AdminView& view, const AdminRequest&) {
  const CacheWarmer::Progress progress = view.services.answers.warmer().progress();
  AdminAnswer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("running").boolean(progress.running);
  json.key("total").number(progress.total);
  json.key("done").number(progress.done);
  json.key("hits").number(progress.hits);
  json.key("failed").number(progress.failed);
  json.key("lastFailureStatus");
  if (progress.last_failure == 0) json.null();
  else json.number(std::int64_t{progress.last_failure});
  json.end_object();
  return answer;
}

}  // namespace farebox
