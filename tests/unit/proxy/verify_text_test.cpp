// The findings of a check, for people and for programs.
#include "proxy/verify_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace farebox {
namespace {

VerifyReport sound() {
  VerifyReport report;
  report.records = 1234;
  report.first = 7;
  report.last = 1240;
  report.pruned = 6;
  report.synced = 1239;
  report.open_holds = 2;
  report.held = Money::picodollars(1);
  report.cost = *Money::parse("12.5");
  report.unpriced = 3;
  report.chain = "ab12";
  return report;
}

TEST(VerifyText, ReadsLikeASummary) {
  EXPECT_EQ(verify_text(sound()),
            "records       1,234\n"
            "first, last   0000000000000007, 00000000000004d8\n"
            "cost          12.5 USD\n"
            "              3 without a price: the cost is a lower bound\n"
            "open holds    2, holding 0.000000000001 USD\n"
            "pruned        6 records, behind a signed checkpoint\n"
            "synced up to  00000000000004d7\n"
            "chain head    ab12\n"
            "no faults\n");
}

TEST(VerifyText, AnEmptyLedgerHasNoFaults) {
  const std::string text = verify_text({});
  EXPECT_NE(text.find("records       0\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("first"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("no faults\n"));
}

TEST(VerifyText, EveryFaultHasItsLine) {
  VerifyReport report = sound();
  report.faults = {"record 9 is missing", "record 12 was changed"};
  const std::string text = verify_text(report);
  EXPECT_EQ(text.find("no faults"), std::string::npos);
  EXPECT_TRUE(text.ends_with("FAULT: record 9 is missing\nFAULT: record 12 was changed\n")) << text;
}

TEST(VerifyText, JsonHasTheSameFacts) {
  VerifyReport report = sound();
  report.faults = {"a \"quoted\" place"};
  EXPECT_EQ(nlohmann::json::parse(verify_json(report)), nlohmann::json::parse(R"({
      "records":1234,"first":"0000000000000007","last":"00000000000004d8","pending":0,"pruned":6,
      "synced":"00000000000004d7","openHolds":2,"heldUsd":"0.000000000001","costUsd":"12.5",
      "unpricedRequests":3,"chain":"ab12","faults":["a \"quoted\" place"]})"));
  EXPECT_TRUE(nlohmann::json::parse(verify_json({}))["first"].is_null());
}

}  // namespace
}  // namespace farebox
