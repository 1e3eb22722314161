#include "proxy/alert_document.hpp"

#include <gtest/gtest.h>

#include "config/base/json_writer.hpp"

namespace farebox {
namespace {

using State = AlertSend::State;

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21);

StoredAlert alert() {
  StoredAlert made;
  made.id = "alt-0644f1c2b3a4d5";
  made.change = {AlertBook::Change::What::fires, AlertKind::budget_warning, "team-a", "project=alpha",
                 kNow, {*Money::parse("40.000000000001"), 7}};
  made.window = {kNow, kNow + std::chrono::days(1)};
  made.budget_id = "bgt-1";
  made.scope = {{"project", "alpha"}};
  made.limit = Money::dollars(50);
  made.spent = *Money::parse("40.5");
  made.title = "a title";
  made.text = "a \"text\"\n";
  made.fired = kNow + std::chrono::hours(1);
  made.acknowledged = Acknowledgement{"ann", "seen", kNow + std::chrono::hours(2)};
  made.sends.push_back({{made.id, "ops", 3, made.fired, made.fired + std::chrono::minutes(1)}, State::waiting, "no answer"});
  made.sends.push_back({{made.id, "chat", 1, made.fired, made.fired}, State::delivered, ""});
  made.sends.push_back({{made.id, "chat", 2, made.fired, made.fired, AlertNews::resolved}, State::waiting, ""});
  return made;
}

std::string text_of(const StoredAlert& said) {
  std::string text;
  JsonWriter json(text);
  append_alert(json, said);
  return text;
}

TEST(AlertDocument, ComesBackAsItWas) {
  const std::string text = text_of(alert());
  const auto read = read_alert(text);
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(text_of(*read), text);
  EXPECT_EQ(read->change.mark, alert().change.mark);
  EXPECT_EQ(read->window, alert().window);
  EXPECT_EQ(read->sends[0].delivery.next, alert().sends[0].delivery.next);
  EXPECT_EQ(read->sends[0].delivery.attempts, 3u);
  EXPECT_EQ(read->sends[1].delivery.news, AlertNews::fired);
  EXPECT_EQ(read->sends[2].delivery.news, AlertNews::resolved);
}

TEST(AlertDocument, ABudgetForAllTimeHasNoWindow) {
  StoredAlert total = alert();
  total.window = Period().window_at(kNow);
  total.change.window_start = total.window.start;
  const std::string text = text_of(total);
  EXPECT_NE(text.find("\"windowStart\":null,\"windowEnd\":null"), text.npos) << text;
  const auto read = read_alert(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->window, total.window);
  EXPECT_EQ(read->change.window_start, total.window.start);
}

TEST(AlertDocument, OtherKindsHaveNoMoney) {
  StoredAlert other;
  other.id = "alt-1";
  other.change.kind = AlertKind::rate_limited;
  other.change.subject = "rpm";
  other.fired = kNow;
  other.ended = kNow;
  const auto read = read_alert(text_of(other));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->limit);
  EXPECT_FALSE(read->has_window());
  EXPECT_EQ(read->ended, kNow);
}

TEST(AlertDocument, WhatNobodyWroteIsRefused) {
  for (const char* const text : {"", "[]", "{}", "{\"id\":\"a\"}", "{\"id\":\"a\",\"kind\":\"x\"}", "{\"kind\":\"test\"}"}) {
    EXPECT_FALSE(read_alert(text)) << text;
  }
  EXPECT_TRUE(read_alert(R"({"id":"a","kind":"test","deliveries":[1,{}],"acknowledged":7,"limitUsd":"x"})"));
}

}  // namespace
}  // namespace farebox
