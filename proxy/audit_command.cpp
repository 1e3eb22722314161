#include "proxy/audit_command.hpp"

#include <nlohmann/json.hpp>
#include <vector>

#include "proxy/admin_client.hpp"
#include "proxy/output.hpp"
#include "proxy/row_text.hpp"
#include "proxy/text_table.hpp"

namespace farebox {

Result<std::string> audit_table(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const auto rows = json.is_object() ? json.find("audit") : json.end();
  if (!json.is_object() || rows == json.end() || !rows->is_array()) {
    return Error(ErrorCode::bad_request, "the admin port gave an answer of another shape");
  }
  if (rows->empty()) return std::string("No changes yet.\n");
  TextTable table;
  for (const char* const title : {"TIME", "WHO", "FROM", "CHANGE", "TARGET", "REASON"}) {
    table.add_column(title, TextTable::Align::left);
  }
  for (const auto& row : *rows) {
    std::vector<std::string> cells;
    for (const char* const name : {"time", "actor", "from", "action", "target", "reason"}) {
      cells.push_back(row.is_object() ? row_text::cell(row, name) : "-");
    }
    table.add_row(cells);
  }
  return table.text();
}

int run_audit(const AdminSettings& admin, const AuditOptions& options) {
  AdminCall call;
  call.target = "/api/audit";
  append_query(call.target, "limit", std::to_string(options.limit));
  const auto body = admin_body(admin, std::move(call));
  if (!body) return complain(body.error());
  return say_answer(*body, options.json, admin.listen, [&] { return audit_table(*body); });
}

}  // namespace farebox
