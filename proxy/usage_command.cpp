#include "proxy/usage_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/scalars.hpp"
#include "proxy/admin_client.hpp"
#include "proxy/output.hpp"
#include "proxy/usage_table.hpp"

namespace farebox {
namespace {

constexpr std::uint32_t kMostOfAPage = 1'000;

void append_filter(std::string& target, const UsageOptions& options) {
  append_query(target, "since", options.since);
  append_query(target, "until", options.until);
  append_query(target, "projectId", options.project);
  append_query(target, "model", options.model);
  append_query(target, "provider", options.provider);
  append_query(target, "user", options.user);
  append_query(target, "key", options.key);
}

std::string time_for_people(const std::string& said) {
  return parse_duration(said) ? said + " ago" : said;
}

// The newest records in the shape of one page. A page may hold fewer than were asked for
// and still not be the last: the filter is applied while the ledger is read.
CommandResult<std::string> newest_records(const AdminSettings& admin,
                                          const UsageOptions& options) {
  using Json = nlohmann::ordered_json;
  Json all;
  std::string cursor;
  std::size_t missing = options.records;
  while (true) {
    AdminCall call;
    call.target = records_target(
        options, static_cast<std::uint32_t>(std::min<std::size_t>(missing, kMostOfAPage)), cursor);
    auto body = admin_body(admin, call);
    if (!body) return body;
    Json page = Json::parse(*body, nullptr, false);
    if (!page.is_object() || !page.contains("records") || !page["records"].is_array()) return body;
    missing -= std::min(missing, page["records"].size());
    const bool more = missing != 0 && page.contains("nextCursor") && page["nextCursor"].is_string();
    // The usual case needs no second page, and the answer goes out octet by octet.
    if (!more && all.is_null()) return body;
    if (all.is_null()) {
      all = std::move(page);
    } else {
      for (Json& record : page["records"]) all["records"].push_back(std::move(record));
      all["nextCursor"] = page["nextCursor"];
    }
    if (!more) return all.dump();
    cursor = all["nextCursor"].get<std::string>();
  }
}

CommandResult<std::string> ask(const AdminSettings& admin, const UsageOptions& options) {
  if (options.records != 0) return newest_records(admin, options);
  AdminCall call;
  call.target = usage_target(options);
  return admin_body(admin, call);
}

}  // namespace

std::string usage_target(const UsageOptions& options) {
  std::string target = "/api/usage";
  if (options.by != "none") append_query(target, "groupBy", options.by);
  append_query(target, "granularity", options.granularity);
  append_filter(target, options);
  return target;
}

std::string records_target(const UsageOptions& options, std::uint32_t limit,
                           std::string_view cursor) {
  std::string target = "/api/usage/records";
  append_query(target, "limit", std::to_string(limit));
  append_query(target, "cursor", cursor);
  append_filter(target, options);
  return target;
}

std::string span_of(const UsageOptions& options) {
  const std::string since = time_for_people(options.since);
  const std::string until = time_for_people(options.until);
  if (since.empty()) return until.empty() ? "so far" : fmt::format("until {}", until);
  if (until.empty()) return fmt::format("since {}", since);
  return fmt::format("from {} until {}", since, until);
}

int run_usage(const AdminSettings& admin, const UsageOptions& options) {
  const auto body = ask(admin, options);
  if (!body) return complain(body.error());
  return say_answer(*body, options.json, admin.listen, [&] {
    const std::string span = span_of(options);
    return options.records != 0 ? records_table(*body, span) : usage_table(*body, span);
  });
}

}  // namespace farebox
