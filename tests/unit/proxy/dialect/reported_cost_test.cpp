#include "proxy/dialect/reported_cost.hpp"

#include <gtest/gtest.h>

#include <string>

namespace farebox {
namespace {

std::string dollars(std::string_view number) {
  const auto money = dollars_of(number);
  return money ? money->decimal() : "nothing";
}

TEST(ReportedCost, DollarsAreReadDigitByDigit) {
  EXPECT_EQ(dollars("0"), "0");
  EXPECT_EQ(dollars("0.0"), "0");
  EXPECT_EQ(dollars("0.001452"), "0.001452");
  EXPECT_EQ(dollars("3.4e-7"), "0.00000034");
  EXPECT_EQ(dollars("7.02E-05"), "0.0000702");
  EXPECT_EQ(dollars("1.5e+2"), "150");
  EXPECT_EQ(dollars("12"), "12");
  EXPECT_EQ(dollars("1e-12"), "0.000000000001");
  EXPECT_EQ(dollars("999999999.999999999999"), "999999999.999999999999");
  EXPECT_EQ(dollars("0.0000000000000000000000000001e20"), "0.00000001");
  EXPECT_EQ(dollars("100000000000000000000000000000000000000000e-41"), "1");
}

// The noise of a double: 0.1 + 0.2.
TEST(ReportedCost, DigitsBeyondThePicodollarAreRounded) {
  EXPECT_EQ(dollars("0.30000000000000004"), "0.3");
  EXPECT_EQ(dollars("0.00015200000000000003"), "0.000152");
  EXPECT_EQ(dollars("0.00012299999999999998"), "0.000123");
  EXPECT_EQ(dollars("5e-13"), "0.000000000001");
  EXPECT_EQ(dollars("4.9e-13"), "0");
  EXPECT_EQ(dollars("1e-400"), "0");
}

TEST(ReportedCost, WhatIsNoAmountIsNothing) {
  for (const char* text : {"", "-1", "-0.5", "1e10", "1e400", "1e99999999999999999999", ".", "1.",
                           ".5", "e5", "1e", "1e+", "0x1", "NaN", "1 ", "1000000001"}) {
    EXPECT_EQ(dollars(text), "nothing") << text;
  }
}

TEST(ReportedCost, AtTheCursor) {
  JsonCursor text("\"0.0000702\"");
  EXPECT_EQ(read_dollars(text), Money::picodollars(70'200'000));
  JsonCursor null("null");
  EXPECT_EQ(read_dollars(null), std::nullopt);
  JsonCursor ticks("2488500");
  EXPECT_EQ(read_ticks(ticks), Money::picodollars(248'850'000));
  JsonCursor fraction("1.5");
  EXPECT_EQ(read_ticks(fraction), std::nullopt);
}

}  // namespace
}  // namespace farebox
