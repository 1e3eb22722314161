// Golden bills: what farebox charges for a usage is what was worked out beforehand, from
// published prices, by a program that shares nothing with it (tests/golden/README.md).
#include <gtest/gtest.h>

#include <set>

#include "policy/pricing.hpp"
#include "tests/support/golden_files.hpp"

namespace farebox {
namespace {

TEST(Golden, EveryUsageCostsWhatItsBillSays) {
  const Result<PriceTable> table = PriceTable::bundled();
  ASSERT_TRUE(table) << table.error().context;
  testing::expect_agreement("usage to cost", [&](const GoldenBill& bill) {
    if (!bill.usage) return std::vector<std::string>();  // nothing to price
    const std::string& provider = bill.call.provider;
    const PriceCard* card = table->find(provider, bill.call.dialect, bill.model);
    return bill_differences(price(card, *bill.usage, *table, provider, bill.call.dialect), bill);
  });
}

// The second, tiny check of the files themselves.
TEST(Golden, TheLinesOfEveryBillSumToItsTotal) {
  std::set<std::string> ids;
  for (const GoldenBill& bill : testing::golden_bills()) {
    EXPECT_TRUE(ids.insert(bill.id).second) << bill.id << " is there twice";
    if (!bill.total || !bill.lines_sum) continue;
    EXPECT_EQ(bill.lines_sum->decimal(), bill.total->decimal()) << bill.id;
  }
}

}  // namespace
}  // namespace farebox
