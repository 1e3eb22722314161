#include "proxy/admin_budgets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"
#include "config/scalars.hpp"
#include "proxy/budget_document.hpp"
#include "proxy/exact_json.hpp"
#include "proxy/said_time.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;
using Why = ShelfFailure::Why;

// What a change may say of its reason.
constexpr std::size_t kMostReason = 500;

AdminAnswer failed(const ShelfFailure& failure) {
  switch (failure.why) {
    case Why::not_found: return admin_error(404, "budget_not_found", failure.text);
    case Why::owned_by_config: return admin_error(409, "owned_by_config", failure.text);
    case Why::name_taken: return admin_error(409, "name_taken", failure.text);
    case Why::scope_taken: return admin_error(409, "scope_taken", failure.text);
    case Why::unusable: return bad_request(failure.text);
    case Why::store_failed: break;
  }
  return admin_error(503, "store_unavailable", failure.text);
}

// A copy of a counter, which outlives the lock.
struct Row {
  std::vector<std::pair<std::string, std::string>> scope;
  BudgetStanding standing;
};

std::multimap<std::string, Row> counters(Governor& governor) {
  std::multimap<std::string, Row> rows;
  governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) {
    Row row;
    row.standing = standing;
    row.standing.values = {};
    const auto& parts = rule.scope.parts();
    for (std::size_t i = 0; i < parts.size() && i < standing.values.size(); ++i) {
      row.scope.emplace_back(parts[i].name(), standing.values[i]);
    }
    rows.emplace(rule.id, std::move(row));
  });
  return rows;
}

void append_row(JsonWriter& json, const ShelvedBudget& budget, const Row& row) {
  const BudgetStanding& standing = row.standing;
  json.begin_object();
  json.key("id").string(budget.id);
  json.key("scope").begin_object();
  for (const auto& [name, value] : row.scope) json.foreign_key(name).string(value);
  json.end_object();
  append_budget_terms(json, budget);
  json.key("limitUsd").string(standing.limit.decimal());
  json.key("currentSpendUsd").string(standing.spent.decimal());
  json.key("heldUsd").string(standing.held.decimal());
  json.key("remainingUsd").string(standing.remaining.decimal());
  json.key("spentTokens").number(standing.spent_tokens);
  json.key("heldTokens").number(standing.held_tokens);
  json.key("status").string(name_of(standing.status));
  json.key("wouldHaveRefused").number(standing.would_refuse);
  const bool ends = budget.order.said.period != BudgetPeriod::total;
  json.key("windowStart");
  if (ends) json.string(rfc3339(standing.window.start));
  else json.null();
  json.key("windowEnd");
  if (ends) json.string(rfc3339(standing.window.end));
  else json.null();
  json.end_object();
}

bool is_of_project(const Row& row, std::string_view project) {
  return std::any_of(row.scope.begin(), row.scope.end(), [&](const auto& part) {
    return part.first == "project" && part.second == project;
  });
}

// Nobody has been counted in it, or nothing may be.
Row empty_row(const ShelvedBudget& budget, WallTime now) {
  Row row;
  for (const auto& [name, value] : budget.order.said.scope) row.scope.emplace_back(name, value);
  row.standing.limit = row.standing.remaining = budget.order.said.limit;
  // Else the time zone is gone from this machine.
  if (const auto rule = budget_rule(budget.order)) {
    row.standing.limit = row.standing.remaining = rule->limit_at(now);
    row.standing.window = rule->period.window_at(now);
  }
  return row;
}

// The body of a change: an object with a budget's id.
struct Change {
  Json json;
  std::string id;
  std::string reason;
};

std::optional<Change> read_change(const AdminRequest& request) {
  Change change{parse_exact_json(request.body), {}, {}};
  if (!change.json.is_object()) return std::nullopt;
  if (change.json.contains("id") && change.json.contains("budgetId")) return std::nullopt;
  const auto text = [&](const char* name) {
    const auto found = change.json.find(name);
    return found != change.json.end() && found->is_string() ? found->get<std::string>()
                                                            : std::string();
  };
  change.id = text("budgetId").empty() ? text("id") : text("budgetId");
  change.reason = text("reason").substr(0, kMostReason);
  return change.id.empty() ? std::nullopt : std::optional(std::move(change));
}

// As a string, or as the number that was written.
Result<Money> money_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  const bool there = found != json.end() && (found->is_string() || found->is_number());
  if (!there) return Error(ErrorCode::bad_request, fmt::format("{} is missing", name));
  const std::string written = found->is_string() ? found->get<std::string>() : found->dump();
  const auto amount = Money::parse(written);
  if (!amount || written.starts_with('-')) {
    return Error(ErrorCode::bad_request,
                 fmt::format("{} must be an amount of USD such as \"12.50\"", name));
  }
  return *amount;
}

// The budget as it is kept; empty: there is none with that id.
std::string state_of(const BudgetShelf& shelf, std::string_view id) {
  for (const ShelvedBudget& budget : shelf.list()) {
    if (budget.id == id) return write_budget(budget);
  }
  return {};
}

// What an audit record says of a change of that budget, which was `before`.
AuditChange change_of(const AdminView& view, std::string_view action, const std::string& id,
                      std::string before, std::string reason = {}) {
  return {action, id, std::move(before), state_of(view.services.budgets, id), std::move(reason)};
}

// Rows of a long answer; without a limit it is all of them.
struct Page {
  std::size_t first = 0;
  std::size_t limit = 0;
  std::size_t end() const { return limit == 0 ? ~std::size_t{0} : first + limit; }
};

Result<Page> read_rows(const AdminRequest& request) {
  constexpr std::size_t kMost = 10'000;
  Page page;
  const auto read = [](const std::string& text, std::size_t& into) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), into);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && into <= 1'000'000'000;
  };
  const std::string limit = request.parameter("limit"), cursor = request.parameter("cursor");
  if (!limit.empty() && (!read(limit, page.limit) || page.limit == 0 || page.limit > kMost)) {
    return Error(ErrorCode::bad_request, fmt::format("limit must be a number from 1 to {}", kMost));
  }
  if (!cursor.empty() && (page.limit == 0 || !read(cursor, page.first))) {
    return Error(ErrorCode::bad_request, "cursor must be the nextCursor of an answer, beside a limit");
  }
  return page;
}

constexpr std::string_view kChangeExample =
    "the body must be a JSON object with one budgetId, which GET /api/budgets lists";

}  // namespace

AdminAnswer answer_budgets(const AdminView& view, const AdminRequest& request) {
  const std::string project = request.parameter("projectId");
  const std::string id = request.parameter("budgetId");
  const auto page = read_rows(request);
  if (!page) return bad_request(page.error().context);
  const auto rows = counters(view.services.governor);
  AdminAnswer answer;
  JsonWriter json(answer.body);
  std::size_t number = 0;
  const auto append = [&](const ShelvedBudget& budget, const Row& row) {
    if (!project.empty() && !is_of_project(row, project)) return;
    if (number++ < page->first || number > page->end()) return;
    append_row(json, budget, row);
  };
  json.begin_object();
  json.key("budgets").begin_array();
  for (const ShelvedBudget& budget : view.services.budgets.list()) {
    if (!id.empty() && budget.id != id) continue;
    auto [row, end] = rows.equal_range(budget.order.said.name);
    if (budget.shadowed) row = end;
    // Nobody has been counted in it yet: its "*" stands for itself.
    if (row == end) append(budget, empty_row(budget, view.services.clock.wall_now()));
    for (; row != end; ++row) append(budget, row->second);
  }
  json.end_array();
  if (page->limit != 0) {
    json.key("nextCursor");
    if (number > page->end()) json.string(std::to_string(page->end()));
    else json.null();
  }
  json.end_object();
  return answer;
}

AdminAnswer answer_put_budget(const AdminView& view, const AdminRequest& request) {
  auto wanted = read_budget_request(request.body, view.services.settings);
  if (!wanted) return bad_request(wanted.error().context);
  std::vector<ShelvedBudget> known = view.services.budgets.list();
  const auto done = view.services.budgets.put(std::move(wanted->id), std::move(wanted->said),
                                              wanted->alerts_enabled);
  if (!done) return failed(done.error());
  std::string before;
  for (const ShelvedBudget& budget : known) {
    if (budget.id == done->id) before = write_budget(budget);
  }
  AdminAnswer answer;
  answer.status = done->created ? 201 : 200;
  answer.change = change_of(view, "budget.put", done->id, std::move(before));
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("id").string(done->id);
  BudgetStatus worst = BudgetStatus::ok;
  for (const ShelvedBudget& budget : view.services.budgets.list()) {
    if (budget.id != done->id) continue;
    const auto rows = counters(view.services.governor);
    const auto [first, end] = rows.equal_range(budget.order.said.name);
    for (auto row = first; row != end; ++row) worst = std::max(worst, row->second.standing.status);
    json.key("name").string(budget.order.said.name);
    json.key("shadowed").boolean(budget.shadowed);
  }
  json.key("status").string(name_of(worst));
  json.key("created").boolean(done->created);
  json.end_object();
  return answer;
}

AdminAnswer answer_remove_budget(const AdminView& view, const AdminRequest& request) {
  std::string id = request.parameter("budgetId");
  if (id.empty()) id = request.parameter("id");
  if (id.empty()) return bad_request("say which: ?budgetId=, which GET /api/budgets lists");
  std::string before = state_of(view.services.budgets, id);
  const auto done = view.services.budgets.remove(id);
  if (!done) return failed(done.error());
  AdminAnswer answer;
  answer.change = change_of(view, "budget.remove", id, std::move(before));
  JsonWriter json(answer.body);
  json.begin_object().key("id").string(id).key("status").string("removed").end_object();
  return answer;
}

AdminAnswer answer_override_budget(const AdminView& view, const AdminRequest& request) {
  const auto change = read_change(request);
  if (!change) return bad_request(kChangeExample);
  const auto limit = money_at(change->json, "limitUsd");
  if (!limit) return bad_request(limit.error().context);
  const WallTime now = view.services.clock.wall_now();
  std::optional<WallTime> until;
  const auto said = [&](const char* name) {
    const auto found = change->json.find(name);
    return found != change->json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  if (change->json.contains("for") && change->json.contains("until")) {
    return bad_request("for and until say the same; send one of them");
  }
  if (const std::string time = said("until"); !time.empty()) until = said_time(time, now);
  if (const std::string span = said("for"); !span.empty()) {
    if (const auto length = parse_duration(span)) until = now + *length;
  }
  if (!until || *until <= now) {
    return bad_request("say how long: \"for\": \"2h\", or \"until\": \"2026-12-01T00:00:00Z\", a time "
                    "to come");
  }
  std::string before = state_of(view.services.budgets, change->id);
  const auto done = view.services.budgets.override_limit(
      change->id, BudgetRule::Override{*limit, *until}, change->reason);
  if (!done) return failed(done.error());
  AdminAnswer answer;
  answer.change =
      change_of(view, "budget.override", change->id, std::move(before), change->reason);
  JsonWriter json(answer.body);
  json.begin_object().key("id").string(change->id);
  json.key("limitUsd").string(limit->decimal()).key("until").string(rfc3339(*until)).end_object();
  return answer;
}

AdminAnswer answer_end_override(const AdminView& view, const AdminRequest& request) {
  const std::string id = request.parameter("budgetId");
  if (id.empty()) return bad_request("say which: ?budgetId=, which GET /api/budgets lists");
  std::string before = state_of(view.services.budgets, id);
  const auto done = view.services.budgets.override_limit(id, std::nullopt, "");
  if (!done) return failed(done.error());
  AdminAnswer answer;
  answer.change = change_of(view, "budget.end_override", id, std::move(before));
  JsonWriter json(answer.body);
  json.begin_object().key("id").string(id).key("status").string("ended").end_object();
  return answer;
}

AdminAnswer answer_top_up(const AdminView& view, const AdminRequest& request) {
  const auto change = read_change(request);
  if (!change) return bad_request(kChangeExample);
  const auto amount = money_at(change->json, "amountUsd");
  if (!amount) return bad_request(amount.error().context);
  std::string before = state_of(view.services.budgets, change->id);
  const auto done = view.services.budgets.top_up(change->id, *amount, change->reason);
  if (!done) return failed(done.error());
  AdminAnswer answer;
  answer.change = change_of(view, "budget.top_up", change->id, std::move(before), change->reason);
  JsonWriter json(answer.body);
  json.begin_object().key("id").string(change->id);
  json.key("amountUsd").string(done->limit.decimal());
  json.key("until");
  if (done->until == WallTime::max()) json.null();
  else json.string(rfc3339(done->until));
  json.end_object();
  return answer;
}

}  // namespace farebox
