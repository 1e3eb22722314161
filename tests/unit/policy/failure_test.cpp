#include "policy/failure.hpp"

#include <gtest/gtest.h>

#include <set>

namespace farebox {
namespace {

TEST(Failure, IsToldByTheStatus) {
  struct Row {
    int status;
    Failure failure;
  };
  const Row rows[] = {
      {200, Failure::none},          {204, Failure::none},
      {304, Failure::none},          {400, Failure::client_error},
      {401, Failure::client_error},  {402, Failure::client_error},
      {403, Failure::client_error},  {404, Failure::client_error},
      {408, Failure::request_timeout}, {409, Failure::conflict},
      {413, Failure::client_error},  {422, Failure::client_error},
      {424, Failure::client_error},  {425, Failure::conflict},
      {429, Failure::rate_limited},  {499, Failure::client_error},
      {500, Failure::server_error},  {501, Failure::client_error},
      {502, Failure::server_error},  {503, Failure::overloaded},
      {504, Failure::server_error},  {505, Failure::client_error},
      {520, Failure::server_error},  {529, Failure::overloaded},
      {599, Failure::server_error},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(failure_of_status(row.status), row.failure) << row.status;
    EXPECT_EQ(failure_of({ErrorCode::none, row.status, true}), row.failure) << row.status;
  }
}

TEST(Failure, IsToldByTheErrorAndWhatWasSent) {
  struct Row {
    ErrorCode error;
    Failure unsent, sent;
  };
  const Row rows[] = {
      {ErrorCode::upstream_unreachable, Failure::unreachable, Failure::reset},
      {ErrorCode::upstream_timeout, Failure::connect_timeout, Failure::timeout},
      {ErrorCode::upstream_invalid, Failure::unreachable, Failure::bad_answer},
      {ErrorCode::circuit_open, Failure::circuit_open, Failure::circuit_open},
      {ErrorCode::overloaded, Failure::busy, Failure::busy},
      {ErrorCode::client_closed, Failure::ours, Failure::ours},
      {ErrorCode::draining, Failure::ours, Failure::ours},
      {ErrorCode::budget_exceeded, Failure::ours, Failure::ours},
      {ErrorCode::internal, Failure::ours, Failure::ours},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(failure_of({row.error, 0, false}), row.unsent) << name_of(row.error);
    EXPECT_EQ(failure_of({row.error, 0, true}), row.sent) << name_of(row.error);
  }
}

TEST(Failure, WhatHappensAgainIsToldApart) {
  TryFacts facts;
  facts.error = ErrorCode::upstream_unreachable;
  facts.hopeless = true;
  EXPECT_EQ(failure_of(facts), Failure::refused);
  EXPECT_EQ(facts_of(Failure::refused).repeat, MayRepeat::never);
  EXPECT_TRUE(may_fall_back(Failure::refused, FallbackOn()));
  facts = {};
  facts.status = 429;
  facts.quota_spent = true;
  EXPECT_EQ(failure_of(facts), Failure::quota_spent);
  EXPECT_TRUE(may_fall_back(Failure::quota_spent, FallbackOn()));
  facts.status = 400;
  EXPECT_EQ(failure_of(facts), Failure::client_error);
}

TEST(Failure, OnlyWhatWasNotSentMayAlwaysBeRepeatedAndIsNeverBilled) {
  for (std::size_t i = 0; i < kFailures; ++i) {
    const auto failure = static_cast<Failure>(i);
    if (facts_of(failure).repeat != MayRepeat::always) continue;
    EXPECT_TRUE(failure == Failure::unreachable || failure == Failure::connect_timeout)
        << name_of(failure);
    EXPECT_FALSE(facts_of(failure).may_be_billed) << name_of(failure);
  }
}

TEST(Failure, BreakersCountWhatTheProviderBreaksAndNothingElse) {
  const std::set<Failure> unreached = {Failure::unreachable, Failure::connect_timeout,
                                       Failure::refused};
  const std::set<Failure> counted = {Failure::reset, Failure::timeout, Failure::bad_answer,
                                     Failure::overloaded, Failure::server_error};
  for (std::size_t i = 0; i < kFailures; ++i) {
    const auto failure = static_cast<Failure>(i);
    EXPECT_EQ(facts_of(failure).breaker == BreakerVerdict::failure, counted.contains(failure))
        << name_of(failure);
    EXPECT_EQ(facts_of(failure).breaker == BreakerVerdict::unreached, unreached.contains(failure))
        << name_of(failure);
    EXPECT_EQ(facts_of(failure).breaker == BreakerVerdict::ok, failure == Failure::none);
  }
}

TEST(Failure, GoesOnToAnotherTargetAsTheOperatorSays) {
  struct Row {
    Failure failure;
    bool FallbackOn::* word;  // null: never
  };
  const Row rows[] = {
      {Failure::none, nullptr},
      {Failure::no_model, nullptr},
      {Failure::ours, nullptr},
      {Failure::circuit_open, &FallbackOn::breaker},
      {Failure::busy, &FallbackOn::breaker},
      {Failure::unreachable, &FallbackOn::server_error},
      {Failure::connect_timeout, &FallbackOn::timeout},
      {Failure::refused, &FallbackOn::server_error},
      {Failure::reset, &FallbackOn::server_error},
      {Failure::timeout, &FallbackOn::timeout},
      {Failure::bad_answer, &FallbackOn::server_error},
      {Failure::rate_limited, &FallbackOn::rate_limit},
      {Failure::quota_spent, &FallbackOn::rate_limit},
      {Failure::overloaded, &FallbackOn::server_error},
      {Failure::server_error, &FallbackOn::server_error},
      {Failure::request_timeout, &FallbackOn::timeout},
      {Failure::conflict, nullptr},
      {Failure::client_error, nullptr},
  };
  ASSERT_EQ(std::size(rows), kFailures);
  for (const Row& row : rows) {
    EXPECT_EQ(may_fall_back(row.failure, {}), row.word != nullptr) << name_of(row.failure);
    FallbackOn only{false, false, false, false};
    EXPECT_FALSE(may_fall_back(row.failure, only)) << name_of(row.failure);
    if (row.word == nullptr) continue;
    only.*row.word = true;
    EXPECT_TRUE(may_fall_back(row.failure, only)) << name_of(row.failure);
    FallbackOn others;
    others.*row.word = false;
    EXPECT_FALSE(may_fall_back(row.failure, others)) << name_of(row.failure);
  }
}

TEST(Failure, HasANameThatIsALabel) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kFailures; ++i) names.insert(name_of(static_cast<Failure>(i)));
  EXPECT_EQ(names.size(), kFailures);
}

}  // namespace
}  // namespace farebox
