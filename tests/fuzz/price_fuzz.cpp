// Price files and overrides are read from any bytes; what is accepted can be searched.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/price_table.hpp"
#include "policy/pricing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace farebox;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = usage.output = usage.cached_input = std::uint64_t(1) << (size % 64);
  usage.images = usage.microseconds = usage.queries = size;
  for (const auto& table : {PriceTable::parse(text, "fuzz"),
                            PriceTable().overridden({{"m", std::string(text)}})}) {
    if (!table) continue;
    for (const std::string_view model : {std::string_view("m"), text.substr(0, 40)}) {
      const PriceCard* card = table->find("a", DialectName::openai, model);
      const Bill bill = price(card, usage, *table, "a", DialectName::openai);
      CHECK(card != nullptr || !bill.priced);
      CHECK(bill.cost >= Money());
    }
  }
  return 0;
}
