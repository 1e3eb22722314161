#include "proxy/admin_audit.hpp"

#include <fmt/format.h>

#include "proxy/admin_ledger.hpp"

namespace farebox {

AdminAnswer answer_audit(const AdminView& view, const AdminRequest& request) {
  const auto place = read_page(request);
  if (!place) return bad_request(place.error().context);
  const auto page = view.services.audit.list(place->limit, place->below);
  if (!page) return admin_error(503, "ledger_unavailable", page.error().context);
  AdminAnswer answer;
  answer.body = "{\"audit\":[";
  for (std::size_t i = 0; i < page->records.size(); ++i) {
    if (i != 0) answer.body += ',';
    append_audit(answer.body, page->records[i]);
  }
  answer.body += "],\"nextCursor\":";
  answer.body += page->next_below ? fmt::format("\"{:016x}\"", *page->next_below) : "null";
  answer.body += '}';
  return answer;
}

}  // namespace farebox
