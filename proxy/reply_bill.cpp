#include "proxy/reply_bill.hpp"

#include "proxy/charge.hpp"
#include "proxy/dialect/complete_usage.hpp"
#include "proxy/http/head.hpp"

namespace farebox {

ReplyBill bill_reply(const RepliedCall& call, const PriceTable& prices) {
  ReplyBill result;
  const Dialect& dialect = dialect_for(call.dialect);
  const Route route = dialect.recognise("POST", call.path);
  result.endpoint = route.endpoint;
  BodyFacts facts;
  if (auto read = dialect.read_body(route, "application/json", call.request)) facts = *read;

  http::ResponseHead head;
  head.status = call.status;
  const auto reader = dialect.reader(route, facts);
  reader->head(head);
  reader->feed(call.reply);
  result.reading = reader->finish();

  const std::string asked = !facts.model.empty()   ? facts.model
                            : !route.model.empty() ? route.model
                                                   : call.model;
  result.model = result.reading.model.empty() ? asked : result.reading.model;
  const PriceContext context{.table = prices, .provider = call.provider, .dialect = call.dialect};
  const PriceMatch match = match_answer(context, result.model, asked);
  Usage& usage = result.reading.usage;
  if (call.status < 400) {
    complete_usage(usage, route, facts, result.model);
    // What is sold was counted in the request: the reply is sound alone.
    if (is_sold_by_character(match.card, usage)) usage.source = UsageSource::reported;
  }
  const bool reported = usage.source == UsageSource::reported;
  if (is_free(route.endpoint) || (call.status >= 400 && !reported)) {
    result.billed = false;
    result.bill.priced = true;
    return result;
  }
  result.card = match.card;
  ItemisedBill itemised = itemise(match, usage, context);
  result.bill = itemised.bill;
  result.lines = std::move(itemised.lines);
  return result;
}

}  // namespace farebox
