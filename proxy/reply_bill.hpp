// A bill from a reply: what farebox would charge for one exchange, worked out without
// serving it. The request is recognised, the usage read and the price found as they are
// when the exchange passes by; for `farebox bill` and its second opinions.
#pragma once

#include <string>
#include <vector>

#include "config/price_table.hpp"
#include "policy/itemise.hpp"
#include "policy/pricing.hpp"
#include "proxy/dialect/dialect.hpp"

namespace farebox {

struct RepliedCall {
  std::string provider;  // the configured name
  DialectName dialect = DialectName::openai;
  std::string path;      // behind the base URL
  std::string request;   // its body
  std::string model;     // where neither path, request nor reply names one
  int status = 200;
  std::string content_type;
  std::string reply;     // the body, as it came
};

struct ReplyBill {
  Endpoint endpoint = Endpoint::unknown;
  Reading reading;
  std::string model;      // the one that sets the price
  const PriceCard* card = nullptr;  // of the table that was asked; null: unknown
  bool billed = true;     // false: an error or a free endpoint, which cost nothing
  // Without a reported usage it isn't priced here; serving, farebox would count itself.
  Bill bill;
  std::vector<BillLine> lines;  // of the bill, as the walk over prices tells them
};

ReplyBill bill_reply(const RepliedCall& call, const PriceTable& prices);

}  // namespace farebox
