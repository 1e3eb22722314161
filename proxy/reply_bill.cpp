#include "proxy/reply_bill.hpp"

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
  const bool reported = result.reading.usage.source == UsageSource::reported;
  if (is_free(route.endpoint) || (call.status >= 400 && !reported)) {
    result.billed = false;
    result.bill.priced = true;
    return result;
  }
  // The reply's model sets the price; a deployment or an alias only the request names is
  // the second choice. Bedrock's replies leave out the geography, which sets it.
  const bool asked_first = call.dialect == DialectName::bedrock;
  if (asked_first) result.card = prices.find(call.provider, call.dialect, asked);
  if (result.card == nullptr) {
    result.card = prices.find(call.provider, call.dialect, result.model);
  }
  if (result.card == nullptr) result.card = prices.find(call.provider, call.dialect, asked);
  result.bill = price(result.card, result.reading.usage, prices, call.provider, call.dialect);
  return result;
}

}  // namespace farebox
