// Golden bills: the real readers find in every reply the usage its bill says, however the
// octets are cut, and the whole way from the reply to the cost agrees (tests/golden/README.md).
#include <gtest/gtest.h>

#include "proxy/reply_bill.hpp"
#include "tests/support/golden_files.hpp"

namespace farebox {
namespace {

TEST(GoldenReplies, SayWhatTheirBillsSay) {
  const Result<PriceTable> table = PriceTable::bundled();
  ASSERT_TRUE(table) << table.error().context;
  testing::expect_agreement("reply to usage", [&](const GoldenBill& bill) {
    if (bill.call.status >= 400) return std::vector<std::string>();
    return usage_differences(bill_reply(bill.call, *table).reading.usage, bill.usage);
  });
}

TEST(GoldenReplies, CostWhatTheirBillsSay) {
  const Result<PriceTable> table = PriceTable::bundled();
  ASSERT_TRUE(table) << table.error().context;
  testing::expect_agreement("reply to cost", [&](const GoldenBill& bill) {
    return differences(bill_reply(bill.call, *table), bill);
  });
}

}  // namespace
}  // namespace farebox
