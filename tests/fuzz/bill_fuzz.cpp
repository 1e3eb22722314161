// A reply and a price file, both any octets, to a bill. The first octet picks the dialect, the
// second the endpoint; a zero octet parts the reply from the file. Whatever they say: a bill
// is never below zero, never priced without a card and a reported usage, the same twice, and
// never lower for one more token.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/pricing.hpp"
#include "proxy/dialect/dialect.hpp"

namespace {

using namespace farebox;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const PriceTable& prices, DialectName dialect, const Reading& reading) {
  const PriceCard* card = prices.find("a", dialect, "m");
  if (card == nullptr) card = prices.find("a", dialect, reading.model);
  const Usage& usage = reading.usage;
  const Bill bill = price(card, usage, prices, "a", dialect);
  require(bill.cost >= Money());
  require(usage.source != UsageSource::none || !bill.priced);
  require(card != nullptr || !bill.priced || usage.reported_cost.has_value());
  const Bill again = price(card, usage, prices, "a", dialect);
  require(again.cost == bill.cost && again.priced == bill.priced);
  if (!bill.priced) return;
  Usage more = usage;
  ++more.output;
  const Bill of_more = price(card, more, prices, "a", dialect);
  // Where tokens take the place of pieces (an image, a second), they may cost less.
  if (usage.output != 0 && of_more.priced) require(of_more.cost >= bill.cost);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto dialect =
      static_cast<DialectName>(data[0] % (static_cast<int>(DialectName::ollama) + 1));
  Route route;
  route.endpoint = static_cast<Endpoint>(data[1] % (static_cast<int>(Endpoint::described) + 1));
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t end = rest.find('\0');
  const auto prices = end == rest.npos
                          ? PriceTable::parse(R"({"schema":1,"models":[{"provider":"a","model":"m",
                              "input":"1","cache_read":"0.1","output":"10","audio_input":"40"}]})", "fuzz")
                          : PriceTable::parse(rest.substr(end + 1), "fuzz");
  if (!prices) return 0;
  const auto reader = dialect_for(dialect).reader(route, BodyFacts());
  reader->feed(rest.substr(0, end));
  check(*prices, dialect, reader->finish());
  return 0;
}
