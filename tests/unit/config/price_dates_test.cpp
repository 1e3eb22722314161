// Prices that begin at a date.
#include <gtest/gtest.h>

#include "config/price_table.hpp"

namespace farebox {
namespace {

using namespace std::chrono;

WallTime at(int year_number, unsigned month_number, unsigned day_number, hours time = hours(0)) {
  return sys_days(year(year_number) / month(month_number) / day(day_number)) + time;
}

PriceTable table_of(const std::string& cards, const PriceTable& under = PriceTable()) {
  const Result<PriceTable> table =
      under.extended(R"({"schema":1,"version":"t","models":[)" + cards + "]}", "dates.json");
  EXPECT_TRUE(table) << table.error().context;
  return table ? *table : PriceTable();
}

// The price of an input token in USD per million; -1: unknown.
Int128 input_at(const PriceTable& table, WallTime when, const char* model = "m") {
  const PriceMatch match = table.match(
      {.provider = "p", .dialect = DialectName::openai, .model = model, .when = when});
  if (match.card == nullptr) return -1;
  return match.card->rates_for(PriceTier::standard, 0)->of(TokenClass::input) / 1'000'000'000'000;
}

TEST(PriceDates, CardsAreValidFromMidnightUtcOn) {
  const PriceTable table = table_of(R"(
      {"provider":"p","model":"m","aliases":["n"],"input":"1"},
      {"provider":"p","model":"m","aliases":["n"],"from":"2026-09-01","input":"2"},
      {"provider":"p","model":"m","from":"2027-01-01","input":"3"},
      {"provider":"p","model":"late","from":"2026-09-01","input":"4"})");
  EXPECT_EQ(input_at(table, WallTime()), 1);
  EXPECT_EQ(input_at(table, at(2026, 8, 31, hours(23))), 1);
  EXPECT_EQ(input_at(table, at(2026, 9, 1)), 2);
  EXPECT_EQ(input_at(table, at(2026, 12, 31)), 2);
  EXPECT_EQ(input_at(table, at(2027, 1, 1)), 3);
  EXPECT_EQ(input_at(table, at(2026, 9, 2), "n"), 2);
  EXPECT_EQ(input_at(table, at(2026, 8, 31), "late"), -1);
  EXPECT_EQ(input_at(table, at(2026, 9, 1), "late"), 4);
}

TEST(PriceDates, RatesAreTooAndTheRestOfTheCardStays) {
  const PriceTable table = table_of(R"(
      {"provider":"p","model":"m","units":{"query":"0.5"},"rates":[
        {"tier":"standard","input":"1","output":"5"},
        {"tier":"standard","from":"2026-09-01","input":"2","output":"6"},
        {"tier":"batch","input":"0.5","output":"2.5"}]})");
  EXPECT_EQ(input_at(table, at(2026, 8, 31)), 1);
  EXPECT_EQ(input_at(table, at(2026, 9, 1)), 2);
  const PriceCard* card =
      table.match({.provider = "p", .model = "m", .when = at(2026, 9, 1)}).card;
  ASSERT_NE(card, nullptr);
  EXPECT_EQ(card->rates.size(), 2u);
  EXPECT_NE(card->unit(PriceUnit::query), nullptr);
}

// A price that changes next month doesn't hide today's.
TEST(PriceDates, ALaterFileCountsFromItsDateOn) {
  const PriceTable under = table_of(R"({"provider":"p","model":"m","aliases":["n"],"input":"1"})");
  const PriceTable table =
      table_of(R"({"provider":"p","model":"m","from":"2026-09-01","input":"2"})", under);
  for (const char* model : {"m", "n"}) {
    EXPECT_EQ(input_at(table, at(2026, 8, 31), model), 1) << model;
    EXPECT_EQ(input_at(table, at(2026, 9, 1), model), 2) << model;
  }
}

TEST(PriceDates, OverridesHaveThemToo) {
  const Result<PriceTable> table = PriceTable().overridden(
      {{"m", R"({"rates":[{"tier":"standard","input":"1"},
                          {"tier":"standard","from":"2026-09-01","input":"2"}]})"}});
  ASSERT_TRUE(table) << table.error().context;
  EXPECT_EQ(input_at(*table, at(2026, 8, 1)), 1);
  EXPECT_EQ(input_at(*table, at(2026, 10, 1)), 2);
}

TEST(PriceDates, AreRefusedWhereTheyAreNone) {
  for (const char* date : {"2026-13-01", "2026-02-30", "20260901", "2026-9-1", "", "1969-01-01",
                           "2026-09-01T00:00:00Z"}) {
    const std::string text = std::string(R"({"schema":1,"models":[{"provider":"p","model":"m","from":")") +
                             date + R"(","input":"1"}]})";
    const Result<PriceTable> table = PriceTable::parse(text, "dates.json");
    ASSERT_FALSE(table) << date;
    EXPECT_NE(table.error().context.find("'from' must be a date"), std::string::npos);
  }
  EXPECT_FALSE(PriceTable::parse(R"({"schema":1,"models":[
      {"provider":"p","model":"m","from":"2026-09-01","input":"1"},
      {"provider":"p","model":"m","from":"2026-09-01","input":"2"}]})", "dates.json"));
}

}  // namespace
}  // namespace farebox
