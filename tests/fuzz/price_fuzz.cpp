// Price files, ours and LiteLLM's, and overrides are read from any bytes; what is accepted
// can be searched under any name, and its bills are the sums of their lines.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/price_check.hpp"
#include "config/price_table.hpp"
#include "policy/itemise.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace farebox;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = usage.output = usage.cached_input = std::uint64_t(1) << (size % 64);
  usage.images = usage.microseconds = usage.queries = size;
  usage.pages = usage.annotated_pages = usage.citation = usage.characters = size * size;
  usage.variant = text.substr(0, 20);
  usage.search_context = "high";
  usage.extras.push_back({.type = "web_search", .model = std::string(text.substr(0, 30)),
                          .input = size, .count = size});
  CHECK(check_price_file(text).ok() == PriceTable::parse(text, "fuzz").has_value());
  for (const auto& table : {PriceTable::parse(text, "fuzz"),
                            PriceTable().overridden({{"m", std::string(text)}})}) {
    if (!table) continue;
    table->each([](const PriceCard& card) { CHECK(!card.id.empty()); });
    for (const std::string_view model : {std::string_view("m"), text.substr(0, 40)}) {
      for (const std::string_view provider : {"a", "bedrock", "openrouter", "hf", "vertex"}) {
        const PriceContext context{.table = *table, .provider = provider,
                                   .dialect = DialectName::openai, .place = text.substr(0, 9),
                                   .factor = static_cast<std::uint32_t>(size + 1)};
        const PriceMatch match = context.match(model);
        const ItemisedBill itemised = itemise(match, usage, context);
        CHECK(match.card != nullptr || !itemised.bill.priced);
        CHECK(itemised.bill.cost >= Money());
        ExactSum sum;
        bool whole = true;
        for (const BillLine& line : itemised.lines) {
          whole = whole && line.priced;
          whole = sum.add(line.yoctodollars) && whole;
        }
        CHECK(!whole || sum.rounded(context.factor) == itemised.bill.cost);
      }
    }
  }
  return 0;
}
