// Which calls a cache may answer, and for how long.
#include "policy/cache_rules.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;
using List = std::vector<std::string>;

TEST(CacheWish, SaysWhatACallerMay) {
  const auto read = [](std::string_view text) { return *parse_cache_wish(text); };
  EXPECT_TRUE(read("bypass").bypass);
  EXPECT_TRUE(read("no-store").bypass);
  EXPECT_TRUE(read("refresh").refresh);
  EXPECT_TRUE(read("only").only);
  EXPECT_EQ(read("ttl=60").ttl, seconds(60));
  EXPECT_EQ(read("ttl=5m").ttl, minutes(5));
  EXPECT_EQ(read("ttl=0").ttl, seconds(0));
  EXPECT_EQ(read("tags=a,b").tags, (List{"a", "b"}));
  EXPECT_EQ(read("tags=a,b,a").tags, (List{"a", "b"}));
  const CacheWish all = read("refresh, ttl=60, tags=a,b; depends-on=doc-1,doc-2");
  EXPECT_TRUE(all.refresh);
  EXPECT_EQ(all.ttl, seconds(60));
  EXPECT_EQ(all.tags, (List{"a", "b"}));
  EXPECT_EQ(all.depends_on, (List{"doc-1", "doc-2"}));
  EXPECT_EQ(read("tags=a ttl=1").tags, List{"a"});
  EXPECT_FALSE(read("").bypass);
}

TEST(CacheWish, WhatIsNoneIsTold) {
  for (const char* const text : {"sometimes", "ttl=", "ttl=soon", "ttl=-1", "=", "x=y", "a,b",
                                 "only, refresh", "only,bypass", "ttl=99999999999999999999"}) {
    EXPECT_FALSE(parse_cache_wish(text)) << text;
  }
  EXPECT_FALSE(parse_cache_wish("tags=" + std::string(200, 'x')));
  std::string many = "tags=0";
  for (int i = 1; i < 40; ++i) many += "," + std::to_string(i);
  EXPECT_FALSE(parse_cache_wish(many));
}

struct Row {
  const char* what;
  bool enabled, kind, readable, deterministic;
  const char* wish;
  CacheUse use;
};

TEST(CacheRule, WhoMayUseIt) {
  constexpr Row kRows[] = {
      {"off", false, true, true, true, "", CacheUse::off},
      {"an endpoint that isn't kept", true, false, true, true, "", CacheUse::off},
      {"a body that can't be read", true, true, false, true, "", CacheUse::bypass},
      {"deterministic", true, true, true, true, "", CacheUse::use},
      {"not so", true, true, true, false, "", CacheUse::bypass},
      {"asked to", true, true, true, false, "ttl=9", CacheUse::use},
      {"asked not to", true, true, true, true, "bypass", CacheUse::bypass},
      {"asked for no time", true, true, true, true, "ttl=0", CacheUse::bypass},
      {"refreshed", true, true, true, true, "refresh", CacheUse::use},
  };
  for (const Row& row : kRows) {
    CacheSettings settings;
    settings.enabled = row.enabled;
    const auto rule = cache_rule(settings, nullptr, *parse_cache_wish(row.wish),
                                 {row.readable, row.kind, row.deterministic}, false);
    EXPECT_EQ(rule.use, row.use) << row.what;
  }
}

TEST(CacheRule, HowLong) {
  CacheSettings settings;
  settings.enabled = true;
  settings.ttl = hours(1);
  const CacheFacts facts{true, true, true};
  EXPECT_EQ(cache_rule(settings, nullptr, {}, facts, false).ttl, hours(1));
  EXPECT_EQ(cache_rule(settings, nullptr, {}, facts, false).keep, hours(1));
  RouteCacheSettings route;
  route.ttl = minutes(5);
  EXPECT_EQ(cache_rule(settings, &route, {}, facts, false).ttl, minutes(5));
  EXPECT_EQ(cache_rule(settings, &route, *parse_cache_wish("ttl=7"), facts, false).ttl, seconds(7));
  settings.stale_while_revalidate = minutes(2);
  settings.stale_if_error = minutes(3);
  EXPECT_EQ(cache_rule(settings, nullptr, {}, facts, false).keep, hours(1) + minutes(3));
  EXPECT_EQ(cache_rule(settings, nullptr, {}, facts, true).keep, hours(25));
  route = RouteCacheSettings();
  route.enabled = false;
  EXPECT_EQ(cache_rule(settings, &route, {}, facts, false).use, CacheUse::off);
  route = RouteCacheSettings();
  route.deterministic_only = false;
  EXPECT_EQ(cache_rule(settings, &route, {}, {true, true, false}, false).use, CacheUse::use);
}

TEST(CacheRule, WhatIsComplete) {
  for (const char* const good : {"stop", "tool_calls", "end_turn", "tool_use", "STOP", "completed"}) {
    EXPECT_TRUE(is_complete_finish(good)) << good;
  }
  for (const char* const bad : {"", "length", "max_tokens", "MAX_TOKENS", "content_filter", "refusal",
                                "SAFETY", "incomplete", "failed", "pause_turn", "error"}) {
    EXPECT_FALSE(is_complete_finish(bad)) << bad;
  }
}

TEST(CacheRule, OneChoiceOfSeveralThatIsNotComplete) {
  EXPECT_FALSE(holds_incomplete_finish(R"({"finish_reason":"stop"},{"finish_reason": null})"));
  EXPECT_FALSE(holds_incomplete_finish(R"({"text":"\"finish_reason\":\"length\"","finishReason":"STOP"})"));
  EXPECT_TRUE(holds_incomplete_finish(R"({"finish_reason":"stop"},{"finish_reason" : "length"})"));
  EXPECT_TRUE(holds_incomplete_finish(R"({"finish_reason":"content_filter"})"));
  EXPECT_TRUE(holds_incomplete_finish(R"({"stop_reason":"max_tokens"})"));
  EXPECT_TRUE(holds_incomplete_finish(R"({"finish_reason":)"));
}

TEST(CacheRule, Refusals) {
  EXPECT_FALSE(holds_refusal(R"({"message":{"content":"x","refusal":null}})"));
  EXPECT_FALSE(holds_refusal(R"({"refusal" : null, "a": "\"refusal\": yes"})"));
  EXPECT_TRUE(holds_refusal(R"({"message":{"content":null,"refusal":"I won't"}})"));
  EXPECT_TRUE(holds_refusal(R"({"refusal": null}{"refusal": "no"})"));
  EXPECT_TRUE(holds_refusal(R"({"type":"refusal","refusal":"no"})"));
  EXPECT_TRUE(holds_refusal(R"({"refusal":)"));
  EXPECT_FALSE(holds_refusal(""));
}

}  // namespace
}  // namespace farebox
