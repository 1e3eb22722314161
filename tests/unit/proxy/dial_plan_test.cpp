// In which order addresses are tried, and when the next one begins (RFC 8305).
#include "proxy/dial_plan.hpp"

#include <gtest/gtest.h>

#include <boost/asio/ip/address.hpp>

namespace farebox {
namespace {

using What = DialPlan::What;
using std::chrono::milliseconds;

DialPlan::Endpoint at(const char* address) {
  return {boost::asio::ip::make_address(address), 443};
}

Addresses list(std::initializer_list<const char*> addresses) {
  Addresses out;
  for (const char* const each : addresses) out.push_back(at(each));
  return out;
}

// The order in which they begin when each fails at once.
std::string order(DialPlan& plan) {
  std::string out;
  while (true) {
    const auto action = plan.next({});
    if (action.what != What::begin) return out;
    out += action.address.address().to_string() + " ";
    plan.failed();
  }
}

TEST(DialPlan, LetsFamiliesTakeTurnsAndDoubtfulOnesGoLast) {
  struct Row {
    Addresses addresses, failed;
    std::string order;
  };
  const Row rows[] = {
      {{}, {}, ""},
      {list({"10.0.0.1"}), {}, "10.0.0.1 "},
      {list({"10.0.0.1", "10.0.0.2"}), {}, "10.0.0.1 10.0.0.2 "},
      {list({"::1", "::2", "10.0.0.1", "10.0.0.2"}), {}, "::1 10.0.0.1 ::2 10.0.0.2 "},
      {list({"10.0.0.1", "::1", "::2", "::3"}), {}, "10.0.0.1 ::1 ::2 ::3 "},
      {list({"::1", "::2", "10.0.0.1"}), list({"::1"}), "::2 10.0.0.1 ::1 "},
      {list({"::1", "10.0.0.1"}), list({"::1", "10.0.0.1"}), "::1 10.0.0.1 "},
      {list({"10.0.0.1"}), list({"10.0.0.9"}), "10.0.0.1 "},
  };
  for (const Row& row : rows) {
    DialPlan plan;
    plan.offer(row.addresses, row.failed);
    EXPECT_EQ(order(plan), row.order);
  }
}

TEST(DialPlan, BeginsTheNextAfterTheDelayWhileTheFirstGoesOn) {
  DialPlan plan;
  plan.offer(list({"10.0.0.1", "10.0.0.2", "10.0.0.3"}), {});
  const SteadyTime start{std::chrono::seconds(100)};
  EXPECT_EQ(plan.next(start).address, at("10.0.0.1"));
  auto action = plan.next(start + milliseconds(100));
  EXPECT_EQ(action.what, What::wait);
  EXPECT_EQ(action.until, start + milliseconds(250));
  EXPECT_EQ(plan.next(start + milliseconds(250)).address, at("10.0.0.2"));
  EXPECT_EQ(plan.next(start + milliseconds(251)).until, start + milliseconds(500));
  // One that fails makes room for the next at once.
  plan.failed();
  EXPECT_EQ(plan.next(start + milliseconds(252)).address, at("10.0.0.3"));
  action = plan.next(start + milliseconds(253));
  EXPECT_EQ(action.what, What::wait);
  EXPECT_EQ(action.until, SteadyTime::max());
  plan.failed();
  plan.failed();
  EXPECT_EQ(plan.next(start + milliseconds(254)).what, What::exhausted);
}

TEST(DialPlan, TakesAddressesThatComeLaterAndNoneTwice) {
  DialPlan plan;
  plan.offer(list({"10.0.0.1"}), {});
  EXPECT_EQ(order(plan), "10.0.0.1 ");
  plan.offer(list({"10.0.0.1", "10.0.0.2"}), {});
  EXPECT_EQ(order(plan), "10.0.0.2 ");
  EXPECT_EQ(plan.next({}).what, What::exhausted);
}

TEST(DialPlan, TriesOneAgainThatEndedForAnothersSake) {
  DialPlan plan;
  plan.offer(list({"10.0.0.1", "10.0.0.2"}), {});
  const SteadyTime start{std::chrono::seconds(100)};
  plan.next(start);
  plan.next(start + milliseconds(250));
  EXPECT_FALSE(plan.has_more());
  plan.put_back(at("10.0.0.1"));  // the second won,
  EXPECT_TRUE(plan.has_more());
  plan.failed();                  // and was worth nothing
  EXPECT_EQ(plan.next(start + milliseconds(260)).address, at("10.0.0.1"));
}

}  // namespace
}  // namespace farebox
