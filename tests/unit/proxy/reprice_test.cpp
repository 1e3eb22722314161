#include "proxy/reprice.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "storage/memory_ledger.hpp"

namespace farebox {
namespace {

using nlohmann::json;

const WallTime kNoon{std::chrono::sys_days(std::chrono::year(2026) / 9 / 1) +
                     std::chrono::hours(12)};

PriceTable priced_at(std::string_view input, std::string_view more = "") {
  const std::string text = R"({"schema":1,"version":"v-)" + std::string(input) +
                           R"(","models":[{"provider":"p","model":"m","input":")" +
                           std::string(input) + R"(","output":"10"})" + std::string(more) + "]}";
  auto table = PriceTable::parse(text, "test");
  EXPECT_TRUE(table) << table.error().context;
  return table ? *table : PriceTable();
}

Settings settings() {
  Settings settings;
  settings.providers.emplace_back().name = "p";
  return settings;
}

// A million tokens in, none out: its cost is the price.
Record call(Money cost, WallTime time = kNoon) {
  Record record;
  record.time = time;
  record.request_id = "r";
  record.provider = "p";
  record.model = record.requested_model = "m";
  record.project = "search";
  record.metered = true;
  record.usage.source = UsageSource::reported;
  record.usage.input = 1'000'000;
  record.cost = cost;
  record.priced = true;
  record.status = 200;
  return record;
}

class Reprice : public ::testing::Test {
 protected:
  RepriceReport run(const PriceTable& table, bool dry_run = false) {
    RepriceOrder order;
    order.filter.since = kNoon - std::chrono::hours(1);
    order.dry_run = dry_run;
    const auto report = reprice(ledger_, table, settings(), clock_, order);
    EXPECT_TRUE(report) << report.error().context;
    return report ? *report : RepriceReport();
  }
  UsageSums total() { return ledger_.usage({})->total; }

  MemoryLedger ledger_{1'000'000};
  SystemClock clock_;
};

TEST_F(Reprice, AnotherPriceIsCorrectedOnceAndChangesNoRecord) {
  ledger_.append(call(Money::dollars(2)));
  const RepriceReport first = run(priced_at("3"));
  EXPECT_EQ(first.corrected, 1u);
  EXPECT_EQ(first.difference, Money::dollars(1));
  EXPECT_EQ(run(priced_at("3")).corrected, 0u) << "what is corrected already counts";

  const auto page = ledger_.records({}, 10, std::nullopt);
  ASSERT_EQ(page->records.size(), 2u);
  const Record& correction = page->records[0];
  EXPECT_EQ(correction.corrects, page->records[1].sequence);
  EXPECT_EQ(correction.cost, Money::dollars(1));
  EXPECT_EQ(correction.price_version, "v-3");
  EXPECT_EQ(correction.time, kNoon);
  EXPECT_EQ(correction.project, "search");
  EXPECT_EQ(correction.usage.input, 0u);
  EXPECT_EQ(page->records[1].cost, Money::dollars(2));

  // And back again: below what was charged.
  EXPECT_EQ(run(priced_at("1")).difference, Money::dollars(-2));
  EXPECT_EQ(total().corrections, Money::dollars(-1));
  EXPECT_EQ(total().cost, Money::dollars(2)) << "corrections are shown apart";
  EXPECT_EQ(total().requests, 1u);
  EXPECT_EQ(total().errors, 0u);
}

TEST_F(Reprice, ADryRunWritesNothing) {
  ledger_.append(call(Money::dollars(2)));
  EXPECT_EQ(run(priced_at("3"), true).difference, Money::dollars(1));
  EXPECT_EQ(ledger_.records({}, 10, std::nullopt)->records.size(), 1u);
}

TEST_F(Reprice, WhatHadNoPriceGetsOne) {
  Record unknown = call(Money());
  unknown.priced = false;
  ledger_.append(unknown);
  const RepriceReport report = run(priced_at("0"));
  EXPECT_EQ(report.corrected, 1u) << "a price of zero is a price";
  EXPECT_EQ(report.first_priced, 1u);
  EXPECT_EQ(run(priced_at("0")).corrected, 0u);
  EXPECT_EQ(run(priced_at("5")).difference, Money::dollars(5));
}

TEST_F(Reprice, WhatHasNoPriceNowStands) {
  ledger_.append(call(Money::dollars(2)));
  const RepriceReport report = run(PriceTable());
  EXPECT_EQ(report.unpriced, 1u);
  EXPECT_EQ(report.corrected, 0u);
}

TEST_F(Reprice, AHoldThatWasChargedIsNoPrice) {
  Record held = call(Money::dollars(7));
  held.estimated_by.add(Estimate::held_amount);
  ledger_.append(held);
  Record crashed = call(Money::dollars(7));
  crashed.outcome = Outcome::crashed;
  ledger_.append(crashed);
  Record refused = call(Money());
  refused.usage = Usage();
  ledger_.append(refused);
  const RepriceReport report = run(priced_at("3"));
  EXPECT_EQ(report.looked, 0u);
  EXPECT_EQ(report.skipped, 2u);
}

TEST_F(Reprice, OnlyTheTimeAskedForIsLookedAt) {
  ledger_.append(call(Money::dollars(2), kNoon - std::chrono::hours(2)));
  ledger_.append(call(Money::dollars(2)));
  EXPECT_EQ(run(priced_at("3")).looked, 1u);
}

TEST_F(Reprice, ExtrasAndEarlierTriesKeepTheirPart) {
  Record record = call(Money::dollars(12));
  record.extras.push_back({"compaction", "m", 1'000'000, 0, Money(), false, 0, 0, 0, 0});
  AttemptRecord first;
  first.cost = Money::dollars(8);
  record.attempts = {first, AttemptRecord()};
  ledger_.append(record);
  // 8 for the first try, and two million tokens at 3.
  EXPECT_EQ(run(priced_at("3")).difference, Money::dollars(2));
}

TEST_F(Reprice, ManyPages) {
  for (int i = 0; i < 2'500; ++i) ledger_.append(call(Money::dollars(2)));
  const RepriceReport report = run(priced_at("3"));
  EXPECT_EQ(report.corrected, 2'500u);
  EXPECT_EQ(total().corrections, Money::dollars(2'500));
  EXPECT_EQ(run(priced_at("3")).corrected, 0u);
}

TEST_F(Reprice, TheReportAsJson) {
  ledger_.append(call(Money::dollars(2)));
  const PriceTable table = priced_at("2.5");
  const RepriceOrder order{{}, true};
  const auto parsed = json::parse(reprice_json(run(table, true), order, table.version()));
  EXPECT_EQ(parsed, json::parse(R"({"dryRun": true, "looked": 1, "corrected": 1, "firstPriced": 0,
    "unpriced": 0, "skipped": 0, "correctionsUsd": "0.5", "priceVersion": "v-2.5"})"));
}

}  // namespace
}  // namespace farebox
