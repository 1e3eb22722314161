#include "proxy/keys_command.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"
#include "proxy/admin_client.hpp"
#include "proxy/key_request.hpp"
#include "proxy/output.hpp"
#include "proxy/stored_key.hpp"
#include "proxy/text_table.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

void write_text(JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.key(name).string(text);
}

void write_list(JsonWriter& json, std::string_view name, const std::vector<std::string>& items) {
  if (items.empty()) return;
  json.key(name).begin_array();
  for (const std::string& item : items) json.string(item);
  json.end_array();
}

std::string text_of(const Json& row, const char* name) {
  return row.contains(name) && row[name].is_string() ? row[name].get<std::string>() : std::string();
}

Error odd_answer() { return Error(ErrorCode::upstream_invalid, "the answer says no keys"); }

// JSON text is a double-quoted scalar of YAML 1.2, too.
std::string as_yaml(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

void add_yaml(std::string& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out += fmt::format("    {}: {}\n", name, as_yaml(text));
}

void add_yaml(std::string& out, std::string_view name, const std::vector<std::string>& items) {
  if (items.empty()) return;
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ", ") + as_yaml(item);
  out += fmt::format("    {}: [{}]\n", name, list);
}

// The entry of `keys:` for that key.
std::string yaml_of(const VirtualKey& key, const Digest& hash) {
  std::string out = fmt::format("keys:\n  - name: {}\n    key_hash: {}\n", as_yaml(key.name),
                                as_yaml(digest_text(hash)));
  add_yaml(out, "org", key.org);
  add_yaml(out, "project", key.project);
  add_yaml(out, "user", key.user);
  if (!key.any_model()) add_yaml(out, "models", key.models);
  add_yaml(out, "providers", key.providers);
  add_yaml(out, "dialects", key.dialects);
  std::string tags;
  for (const auto& [name, value] : key.tags) {
    tags += fmt::format("{}{}: {}", tags.empty() ? "" : ", ", as_yaml(name), as_yaml(value));
  }
  if (!tags.empty()) out += fmt::format("    tags: {{{}}}\n", tags);
  if (key.expires) add_yaml(out, "expires", rfc3339(*key.expires));
  return out;
}

int create_offline(const Settings& settings, const KeysOptions& options, const Clock& clock) {
  const auto body = key_request_body(options);
  if (!body) return complain(body.error());
  const auto wanted = read_key_request(*body, settings, clock.wall_now());
  if (!wanted) return complain({kExitUsage, wanted.error().context});
  const auto key = make_virtual_key();
  if (!key) return complain({kExitIo, key.error().context});
  const Digest hash = sha256(key->reveal());
  const std::string yaml = yaml_of(*wanted, hash);
  if (!options.json) {
    return say(fmt::format("{}\n\nThis is the only time it is shown. The configuration gets its "
                           "hash:\n\n{}", key->reveal(), yaml));
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("name").string(wanted->name);
  json.key("key").string(key->reveal());
  json.key("keyHash").string(digest_text(hash));
  json.key("yaml").string(yaml);
  json.end_object();
  return say(text + "\n");
}

AdminCall call_of(const KeysOptions& options, const std::string& body) {
  AdminCall call;
  call.target = "/api/keys";
  switch (options.act) {
    case KeysOptions::Act::list: break;
    case KeysOptions::Act::create: call.method = "POST"; break;
    case KeysOptions::Act::rotate:
      call.method = "POST";
      call.target += "/rotate";
      break;
    case KeysOptions::Act::revoke:
      call.method = "DELETE";
      append_query(call.target, "id", options.which);
      break;
  }
  call.body = body;
  return call;
}

CommandResult<std::string> body_of(const KeysOptions& options) {
  if (options.act == KeysOptions::Act::create) return key_request_body(options);
  std::string body;
  if (options.act == KeysOptions::Act::rotate) {
    JsonWriter json(body);
    json.begin_object();
    json.key("id").string(options.which);
    json.key("overlap").string(options.overlap);
    json.end_object();
  }
  return body;
}

Result<std::string> for_people(const KeysOptions& options, const std::string& answer) {
  if (options.act == KeysOptions::Act::list) return keys_table(answer);
  if (options.act != KeysOptions::Act::revoke) return new_key_text(answer);
  const Json row = Json::parse(answer, nullptr, false);
  if (!row.is_object()) return odd_answer();
  return fmt::format("The key '{}' is revoked; what comes with it is refused from now on.\n",
                     text_of(row, "name"));
}

}  // namespace

CommandResult<std::string> key_request_body(const KeysOptions& options) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("name").string(options.name);
  write_text(json, "org", options.org);
  write_text(json, "project", options.project);
  write_text(json, "user", options.user);
  write_text(json, "expires", options.expires);
  write_list(json, "models", options.models);
  write_list(json, "providers", options.providers);
  write_list(json, "dialects", options.dialects);
  json.key("tags").begin_object();
  for (const std::string& tag : options.tags) {
    const std::size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) {
      return CommandFailure{kExitUsage, fmt::format("--tag is '{}', a tag is written name=value", tag)};
    }
    json.foreign_key(std::string_view(tag).substr(0, equals)).string(tag.substr(equals + 1));
  }
  json.end_object().end_object();
  return body;
}

Result<std::string> new_key_text(std::string_view body) {
  const Json row = Json::parse(body, nullptr, false);
  if (!row.is_object() || text_of(row, "key").empty()) return odd_answer();
  std::string text = fmt::format("{}\n\nThis is the only time it is shown. It is called '{}' ({}).\n",
                                 text_of(row, "key"), text_of(row, "name"), text_of(row, "id"));
  if (const std::string ends = text_of(row, "previousKeyEndsAt"); !ends.empty()) {
    text += fmt::format("The key before it works until {}.\n", ends);
  }
  return text;
}

Result<std::string> keys_table(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("keys") || !json["keys"].is_array()) return odd_answer();
  if (json["keys"].empty()) return std::string("No virtual keys yet; farebox keys create makes one.\n");
  TextTable table;
  for (const char* const title :
       {"NAME", "PREFIX", "STATUS", "PROJECT", "USER", "SOURCE", "LAST USED", "EXPIRES", "ID"}) {
    table.add_column(title, TextTable::Align::left);
  }
  for (const Json& row : json["keys"]) {
    std::vector<std::string> cells;
    for (const char* const name : {"name", "prefix", "status", "project", "user", "source",
                                   "lastUsedAt", "expiresAt", "id"}) {
      std::string cell = text_of(row, name);
      cells.push_back(cell.empty() ? "-" : std::move(cell));
    }
    table.add_row(cells);
  }
  return table.text();
}

int run_keys(const Settings& settings, const KeysOptions& options, const Clock& clock) {
  if (options.offline) return create_offline(settings, options, clock);
  const auto body = body_of(options);
  if (!body) return complain(body.error());
  const auto answer = admin_body(settings.admin, call_of(options, *body));
  if (!answer) return complain(answer.error());
  return say_answer(*answer, options.json, settings.admin.listen,
                    [&] { return for_people(options, *answer); });
}

}  // namespace farebox
