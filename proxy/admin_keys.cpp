#include "proxy/admin_keys.hpp"

#include "config/base/json_writer.hpp"
#include "proxy/key_desk.hpp"
#include "proxy/key_request.hpp"

namespace farebox {
namespace {

std::string_view name_of(KeyRow::Status status) {
  switch (status) {
    case KeyRow::Status::active: return "active";
    case KeyRow::Status::expired: return "expired";
    case KeyRow::Status::revoked: return "revoked";
    case KeyRow::Status::shadowed: return "shadowed";
  }
  return "active";
}

AdminAnswer refuse(const KeyFailure& failure) {
  switch (failure.why) {
    case KeyFailure::Why::not_found: return admin_error(404, "key_not_found", failure.message);
    case KeyFailure::Why::name_taken: return admin_error(409, "name_taken", failure.message);
    case KeyFailure::Why::owned_by_config:
      return admin_error(409, "owned_by_config", failure.message);
    case KeyFailure::Why::not_active: return admin_error(409, "key_not_active", failure.message);
    case KeyFailure::Why::store_failed: break;
  }
  return admin_error(503, "store_failed", failure.message);
}

void text_or_null(JsonWriter& json, std::string_view name, std::string_view text) {
  json.key(name);
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

void time_or_null(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  text_or_null(json, name, time ? rfc3339(*time) : std::string());
}

void list_or_all(JsonWriter& json, std::string_view name, const std::vector<std::string>& items) {
  json.key(name).begin_array();
  if (items.empty()) json.string("*");
  for (const std::string& item : items) json.string(item);
  json.end_array();
}

// The members of a key. `key` is written for one that was just made, and for no other.
void write_row(JsonWriter& json, const KeyRow& row, const Secret* key) {
  const VirtualKey& facts = row.key.key;
  json.begin_object();
  json.key("id").string(facts.id);
  json.key("name").string(facts.name);
  if (key != nullptr) json.key("key").string(key->reveal());
  text_or_null(json, "prefix", row.key.prefix);
  json.key("source").string(row.source == KeyRow::Source::config ? "config" : "api");
  json.key("org").string(facts.org);
  json.key("project").string(facts.project);
  json.key("user").string(facts.user);
  json.key("tags").begin_object();
  for (const auto& [name, value] : facts.tags) json.foreign_key(name).string(value);
  json.end_object();
  list_or_all(json, "models", facts.models);
  list_or_all(json, "providers", facts.providers);
  list_or_all(json, "dialects", facts.dialects);
  time_or_null(json, "createdAt", row.key.created);
  time_or_null(json, "expiresAt", facts.expires);
  time_or_null(json, "lastUsedAt", row.last_used);
  if (facts.hashes.size() > 1) time_or_null(json, "previousKeyEndsAt", facts.hashes[1].ends);
  json.key("status").string(name_of(row.status));
  json.end_object();
}

std::string state_of(const KeyRow& row) {
  std::string state;
  JsonWriter json(state);
  write_row(json, row, nullptr);
  return state;
}

// As lists show it; empty: there is no such key.
std::string state_of(const KeyDesk& desk, std::string_view which) {
  for (const KeyRow& row : desk.list()) {
    if (row.key.key.id == which || row.key.key.name == which) return state_of(row);
  }
  return {};
}

AdminAnswer answer_with(int status, std::string_view action, std::string before,
                        const KeyRow& row, const Secret* key) {
  AdminAnswer answer;
  answer.status = status;
  answer.change = AuditChange{action, row.key.key.id, std::move(before), state_of(row), {}};
  JsonWriter json(answer.body);
  write_row(json, row, key);
  return answer;
}

}  // namespace

AdminAnswer answer_keys(const AdminView& view, const AdminRequest&) {
  AdminAnswer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("keys").begin_array();
  for (const KeyRow& row : view.services.keys.list()) write_row(json, row, nullptr);
  json.end_array();
  json.end_object();
  return answer;
}

AdminAnswer answer_create_key(const AdminView& view, const AdminRequest& request) {
  const Services& services = view.services;
  auto wanted = read_key_request(request.body, services.settings, services.clock.wall_now());
  if (!wanted) return bad_request(wanted.error().context);
  const auto made = services.keys.create(std::move(*wanted));
  if (!made) return refuse(made.error());
  return answer_with(201, "key.create", {}, made->row, &made->key);
}

AdminAnswer answer_revoke_key(const AdminView& view, const AdminRequest& request) {
  std::string which;
  for (const char* const name : {"id", "keyId", "name"}) {
    if (which.empty()) which = request.parameter(name);
  }
  if (which.empty()) {
    return bad_request("say which key, as DELETE /api/keys?id=ID or ?name=NAME");
  }
  std::string before = state_of(view.services.keys, which);
  const auto revoked = view.services.keys.revoke(which);
  if (!revoked) return refuse(revoked.error());
  return answer_with(200, "key.revoke", std::move(before), *revoked, nullptr);
}

AdminAnswer answer_rotate_key(const AdminView& view, const AdminRequest& request) {
  const auto wanted = read_rotate_request(request.body);
  if (!wanted) return bad_request(wanted.error().context);
  std::string before = state_of(view.services.keys, wanted->which);
  const auto made = view.services.keys.rotate(wanted->which, wanted->overlap);
  if (!made) return refuse(made.error());
  return answer_with(201, "key.rotate", std::move(before), made->row, &made->key);
}

}  // namespace farebox
